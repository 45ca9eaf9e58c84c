import uuid
from typing import Any

import graphene

from ....checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from ....checkout.utils import add_promo_code_to_checkout
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import CheckoutError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Checkout
from .utils import _changed, get_checkout


class CheckoutAddPromoCode(BaseMutation):
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        promo_code = graphene.String(required=True, description="The code of a voucher or a gift card.")

    class Meta:
        description = "Use a voucher, in place of another, or a gift card, beside others."
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
        promo_code: str,
        id: str | None = None,
        token: uuid.UUID | None = None,
    ) -> "CheckoutAddPromoCode":
        checkout = get_checkout(cls, info, token=token, id=id)
        manager = get_plugin_manager_promise(info.context).get()
        lines, _unavailable = fetch_checkout_lines(checkout)
        checkout_info = fetch_checkout_info(checkout, lines, manager)
        add_promo_code_to_checkout(manager, checkout_info, lines, promo_code)
        _changed(info, checkout, recalculate_discount=False)
        return cls(checkout=SyncWebhookControlContext(checkout))
