from decimal import Decimal

from . import TransactionEventType
from .models import TransactionItem

_ADDED_TO = {
    TransactionEventType.AUTHORIZATION_SUCCESS: "authorized_value",
    TransactionEventType.CHARGE_SUCCESS: "charged_value",
    TransactionEventType.REFUND_SUCCESS: "refunded_value",
    TransactionEventType.CANCEL_SUCCESS: "canceled_value",
}


def recalculate_transaction_amounts(transaction: TransactionItem, save: bool = True) -> None:
    """Sum the events up. Those of `transactionCreate` and `transactionUpdate`, which carry no reference of a payment
    provider, change their own amount only: a refund reported so does not lower what was charged.
    """
    for field in _ADDED_TO.values():
        setattr(transaction, field, Decimal(0))
    for event in transaction.events.filter(include_in_calculations=True).order_by("created_at", "pk"):
        if event.type == TransactionEventType.AUTHORIZATION_ADJUSTMENT:
            transaction.authorized_value = event.amount_value
        elif field := _ADDED_TO.get(event.type):
            setattr(transaction, field, getattr(transaction, field) + event.amount_value)
    if save:
        transaction.save(update_fields=[*_ADDED_TO.values(), "modified_at"])
