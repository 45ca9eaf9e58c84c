import uuid
from typing import Any

import graphene
from django.db import transaction

from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import CheckoutError, NonNullList
from ..types import Checkout
from .checkout_create import CheckoutLineInput
from .utils import _add_lines, _changed, get_checkout


class CheckoutLinesAdd(BaseMutation):
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        lines = NonNullList(CheckoutLineInput, required=True, description="What comes in.")

    class Meta:
        description = "Put more into a checkout."
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
    ) -> "CheckoutLinesAdd":
        checkout = get_checkout(cls, info, token=token, id=id)
        with transaction.atomic():
            _add_lines(cls, info, checkout, lines)
            _changed(info, checkout)
        return cls(checkout=SyncWebhookControlContext(checkout))
