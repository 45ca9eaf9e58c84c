import uuid
from typing import Any

import graphene

from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import CheckoutError
from ..types import Checkout
from .utils import _changed, get_checkout


class CheckoutEmailUpdate(BaseMutation):
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        email = graphene.String(required=True, description="The e-mail address of the buyer.")

    class Meta:
        description = "Say where the confirmation goes."
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
        email: str,
        id: str | None = None,
        token: uuid.UUID | None = None,
    ) -> "CheckoutEmailUpdate":
        checkout = get_checkout(cls, info, token=token, id=id)
        checkout.email = email
        checkout.save(update_fields=["email", "last_change"])
        _changed(info, checkout)
        return cls(checkout=SyncWebhookControlContext(checkout))
