import uuid
from typing import Any

import graphene
from django.db import transaction

from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import BaseInputObjectType, CheckoutError, NonNullList
from ..types import Checkout
from .utils import _changed, _set_quantities, get_checkout


class CheckoutLineUpdateInput(BaseInputObjectType):
    line_id = graphene.ID(description="Which line.")
    variant_id = graphene.ID(description="Which line, by its variant.")
    quantity = graphene.Int(description="How many there shall be.")

    class Meta:
        doc_category = DOC_CATEGORY_CHECKOUT


class CheckoutLinesUpdate(BaseMutation):
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        lines = NonNullList(CheckoutLineUpdateInput, required=True, description="What changes.")

    class Meta:
        description = "Change how much is in a checkout."
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
        lines: list[dict[str, Any]],
        id: str | None = None,
        token: uuid.UUID | None = None,
    ) -> "CheckoutLinesUpdate":
        checkout = get_checkout(cls, info, token=token, id=id)
        with transaction.atomic():
            _set_quantities(cls, info, checkout, lines)
            _changed(info, checkout)
        return cls(checkout=SyncWebhookControlContext(checkout))
