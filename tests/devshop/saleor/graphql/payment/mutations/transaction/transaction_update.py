import uuid
from typing import Any

import graphene

from .....payment.transaction_item_calculations import recalculate_transaction_amounts
from .....payment.utils import (
    create_manual_adjustment_events,
    process_order_or_checkout_with_transaction,
)
from .....permission.enums import PaymentPermissions
from ....app.dataloaders import get_app_promise
from ....core.doc_category import DOC_CATEGORY_PAYMENTS
from ....core.scalars import UUID
from ....core.types.common import TransactionUpdateError
from ....core.validators import validate_one_of_args_is_in_mutation
from ....plugins.dataloaders import get_plugin_manager_promise
from ...types import TransactionItem
from .transaction_create import TransactionCreate, TransactionCreateInput
from .utils import get_transaction_item


class TransactionUpdateInput(TransactionCreateInput):
    class Meta:
        doc_category = DOC_CATEGORY_PAYMENTS


class TransactionUpdate(TransactionCreate):
    transaction = graphene.Field(TransactionItem, description="The transaction.")

    class Arguments:
        id = graphene.ID(description="Which transaction.")
        token = UUID(description="Which transaction, by the bare id.")
        transaction = TransactionUpdateInput(description="What to report.")

    class Meta:
        description = "Report that a payment changed. Amounts are what they are now, not what was added."
        doc_category = DOC_CATEGORY_PAYMENTS
        permissions = (PaymentPermissions.HANDLE_PAYMENTS,)
        error_type_class = TransactionUpdateError

    @classmethod
    def perform_mutation(
        cls,
        _root: Any,
        info: Any,
        /,
        *,
        id: str | None = None,
        token: uuid.UUID | None = None,
        transaction: dict[str, Any] | None = None,
    ) -> "TransactionUpdate":
        validate_one_of_args_is_in_mutation("id", id, "token", token)
        item = get_transaction_item(id, token)
        before = item.authorized_value, item.charged_value, item.refunded_value
        app = get_app_promise(info.context).get()
        user = info.context.user or None
        data = transaction or {}
        amounts = cls.take_amounts(data, item.currency)
        for column, value in data.items():
            setattr(item, column, value)
        item.save()
        if amounts:
            create_manual_adjustment_events(item, amounts, user, app)
            recalculate_transaction_amounts(item)
        manager = get_plugin_manager_promise(info.context).get()
        process_order_or_checkout_with_transaction(item, manager, user, app, *before)
        return cls(transaction=item)
