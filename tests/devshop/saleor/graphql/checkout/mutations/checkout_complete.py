import uuid
from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....checkout.complete_checkout import complete_checkout
from ....checkout.error_codes import CheckoutErrorCode
from ....checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from ....order.models import Order as OrderModel
from ....permission.enums import AccountPermissions
from ...app.dataloaders import get_app_promise
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.fields import JSONString
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import CheckoutError
from ...order.types import Order
from ...plugins.dataloaders import get_plugin_manager_promise
from ...utils import get_user_or_app_from_context
from ..types import Checkout
from .utils import get_checkout


class CheckoutComplete(BaseMutation):
    order = graphene.Field(Order, description="The order.")
    confirmation_needed = graphene.Boolean(
        required=True, default_value=False, description="Whether the buyer must do something more."
    )
    confirmation_data = JSONString(description="What they must do.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        redirect_url = graphene.String(description="Where links in e-mails lead.")

    class Meta:
        description = "Make an order of a checkout. Asking again gives the same order."
        doc_category = DOC_CATEGORY_CHECKOUT
        error_type_class = CheckoutError
        error_type_field = "checkout_errors"

    @classmethod
    def perform_mutation(
        cls,
        _root: Any,
        info: Any,
        /,
        *,
        id: str | None = None,
        token: uuid.UUID | None = None,
        redirect_url: str | None = None,
    ) -> "CheckoutComplete":
        try:
            checkout = get_checkout(cls, info, token=token, id=id)
        except ValidationError:
            key = cls.get_global_id_or_error(id, only_type=Checkout) if id else token
            order = OrderModel.objects.get_by_checkout_token(key)
            if order is None:
                raise
            return cls(order=SyncWebhookControlContext(order))
        manager = get_plugin_manager_promise(info.context).get()
        lines, unavailable = fetch_checkout_lines(checkout)
        cls._check(checkout, lines, unavailable)
        checkout_info = fetch_checkout_info(checkout, lines, manager)
        requestor = get_user_or_app_from_context(info.context)
        impersonates = requestor and requestor.has_perm(AccountPermissions.IMPERSONATE_USER)
        order, _action_required, _action_data = complete_checkout(
            manager,
            checkout_info,
            lines,
            payment_data={},
            store_source=False,
            user=checkout.user if impersonates else info.context.user or None,
            app=get_app_promise(info.context).get(),
            redirect_url=redirect_url,
        )
        return cls(order=SyncWebhookControlContext(order) if order else None)

    @classmethod
    def _check(cls, checkout: Any, lines: list, unavailable: list[int]) -> None:
        codes = CheckoutErrorCode
        if not checkout.email:
            raise ValidationError("The e-mail address is missing.", code=codes.EMAIL_NOT_SET.value)
        if unavailable:
            ids = [graphene.Node.to_global_id("ProductVariant", pk) for pk in unavailable]
            raise ValidationError(
                {
                    "lines": ValidationError(
                        "Something in it is not for sale any more.",
                        code=codes.UNAVAILABLE_VARIANT_IN_CHANNEL.value,
                        params={"variants": ids},
                    )
                }
            )
        if not lines:
            raise ValidationError({"lines": ValidationError("It is empty.", code=codes.NO_LINES.value)})
        if not checkout.billing_address:
            code = codes.BILLING_ADDRESS_NOT_SET.value
            raise ValidationError({"billing_address": ValidationError("The billing address is missing.", code=code)})
