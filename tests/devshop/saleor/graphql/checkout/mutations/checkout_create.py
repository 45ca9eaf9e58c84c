from typing import Any

import graphene
from django.core.exceptions import ValidationError
from django.db import transaction

from ....account.models import Address
from ....channel.models import Channel
from ....checkout import models
from ....checkout.actions import call_checkout_event
from ....checkout.error_codes import CheckoutErrorCode
from ...account.types import AddressInput
from ...channel.utils import get_default_channel_slug_or_graphql_error
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.types import BaseInputObjectType, CheckoutError, NonNullList
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Checkout
from .utils import _add_lines


class CheckoutLineInput(BaseInputObjectType):
    quantity = graphene.Int(required=True, description="How many.")
    variant_id = graphene.ID(required=True, description="Of what.")

    class Meta:
        doc_category = DOC_CATEGORY_CHECKOUT


class CheckoutCreateInput(BaseInputObjectType):
    channel = graphene.String(description="In which channel.")
    lines = NonNullList(CheckoutLineInput, required=True, description="What is in it.")
    email = graphene.String(description="The e-mail address of the buyer.")
    billing_address = AddressInput(description="Where the bill goes.")
    shipping_address = AddressInput(description="Where the goods go.")

    class Meta:
        doc_category = DOC_CATEGORY_CHECKOUT


class CheckoutCreate(BaseMutation):
    created = graphene.Boolean(description="Always true.", deprecation_reason="It is always true.")
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        input = CheckoutCreateInput(required=True, description="What is in it, and whose it is.")

    class Meta:
        description = "Begin to buy."
        doc_category = DOC_CATEGORY_CHECKOUT
        error_type_class = CheckoutError
        error_type_field = "checkout_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, input: dict[str, Any]) -> "CheckoutCreate":
        slug = input.get("channel") or get_default_channel_slug_or_graphql_error()
        channel = Channel.objects.filter(slug=slug).first()
        if channel is None:
            raise _refusal("There is no such channel.", CheckoutErrorCode.NOT_FOUND)
        if not channel.is_active:
            raise _refusal("The channel does not sell.", CheckoutErrorCode.CHANNEL_INACTIVE)
        user = info.context.user or None
        with transaction.atomic():
            checkout = models.Checkout.objects.create(
                channel=channel,
                currency=channel.currency_code,
                country=channel.default_country,
                user=user,
                email=input.get("email") or (user.email if user else None),
                billing_address=_save_address(input.get("billing_address")),
                shipping_address=_save_address(input.get("shipping_address")),
            )
            _add_lines(cls, info, checkout, input["lines"])
            manager = get_plugin_manager_promise(info.context).get()
            call_checkout_event(manager, "checkout_created", checkout)
        return cls(checkout=SyncWebhookControlContext(checkout), created=True)


def _save_address(data: dict[str, Any] | None) -> Address | None:
    return Address.objects.create(**data) if data else None


def _refusal(message: str, code: CheckoutErrorCode) -> ValidationError:
    return ValidationError({"channel": ValidationError(message, code=code.value)})
