import uuid
from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....checkout.fetch import fetch_checkout_info
from ....checkout.utils import remove_promo_code_from_checkout_or_error
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import CheckoutError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Checkout
from .utils import _changed, get_checkout


class CheckoutRemovePromoCode(BaseMutation):
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        promo_code = graphene.String(description="The code of a voucher or a gift card.")

    class Meta:
        description = "Do not use a voucher or a gift card after all."
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
        promo_code: str | None = None,
        id: str | None = None,
        token: uuid.UUID | None = None,
    ) -> "CheckoutRemovePromoCode":
        checkout = get_checkout(cls, info, token=token, id=id)
        manager = get_plugin_manager_promise(info.context).get()
        checkout_info = fetch_checkout_info(checkout, [], manager)
        try:
            remove_promo_code_from_checkout_or_error(checkout_info, promo_code or "")
        except ValidationError as error:
            raise ValidationError({"promo_code": error}) from error
        _changed(info, checkout)
        return cls(checkout=SyncWebhookControlContext(checkout))
