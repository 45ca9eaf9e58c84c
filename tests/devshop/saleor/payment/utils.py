"""Keeps the rows that stand for money: payments with their operations, and transaction items with their events."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction as database

from ..checkout.models import Checkout
from ..core.db.connection import allow_writer
from . import ChargeStatus, PaymentError, TransactionEventType, TransactionKind
from .models import Payment, Transaction, TransactionEvent, TransactionItem
from .transaction_item_calculations import recalculate_transaction_amounts

if TYPE_CHECKING:
    from ..account.models import User
    from ..app.models import App
    from ..order.models import Order
    from ..plugins.manager import PluginsManager


def _create_payment_for_order(order: "Order", gateway: str, external_reference: str | None) -> Payment:
    if not order.billing_address:
        raise PaymentError("The order needs a billing address first.", code="billing_address_not_set")
    return Payment.objects.create(
        order=order,
        gateway=gateway,
        total=order.total_gross_amount,
        currency=order.currency,
        billing_email=order.user_email,
        psp_reference=external_reference or "",
    )


def update_payment_charge_status(
    payment: Payment, transaction: Transaction, changed_fields: list[str] | None = None
) -> None:
    """Apply a successful operation to its payment, once, and the payment to its order."""
    from ..order.utils import updates_amounts_for_order

    if transaction.kind == TransactionKind.CAPTURE:
        payment.captured_amount += transaction.amount
        payment.is_active = True
        covered = payment.captured_amount >= payment.total
        payment.charge_status = ChargeStatus.FULLY_CHARGED if covered else ChargeStatus.PARTIALLY_CHARGED
    elif transaction.kind == TransactionKind.REFUND:
        payment.captured_amount = max(payment.captured_amount - transaction.amount, Decimal(0))
        payment.charge_status = ChargeStatus.PARTIALLY_REFUNDED
        if payment.captured_amount == 0:
            payment.charge_status = ChargeStatus.FULLY_REFUNDED
            payment.is_active = False
    payment.save()
    transaction.already_processed = True
    transaction.save(update_fields=["already_processed"])
    if payment.order:
        updates_amounts_for_order(payment.order)


def create_transaction_for_order(
    order: "Order",
    user: "User | None",
    app: "App | None",
    psp_reference: str | None,
    charged_value: Decimal,
    available_actions: list[str] | None = None,
    name: str = "",
) -> TransactionItem:
    with allow_writer():
        item = TransactionItem.objects.create(
            order=order,
            currency=order.currency,
            user=user,
            app=app,
            app_identifier=app.identifier if app else None,
            psp_reference=psp_reference,
            available_actions=available_actions or [],
            name=name,
        )
        create_manual_adjustment_events(item, {"charged_value": charged_value}, user, app)
        recalculate_transaction_amounts(item)
    return item


def create_manual_adjustment_events(
    transaction: TransactionItem, money_data: dict[str, Decimal], user: "User | None", app: "App | None"
) -> list[TransactionEvent]:
    """Write one event for each amount that is now another than before, with the difference."""
    types = {
        "authorized_value": TransactionEventType.AUTHORIZATION_SUCCESS,
        "charged_value": TransactionEventType.CHARGE_SUCCESS,
        "refunded_value": TransactionEventType.REFUND_SUCCESS,
        "canceled_value": TransactionEventType.CANCEL_SUCCESS,
    }
    events = []
    for field, event_type in types.items():
        if field not in money_data or money_data[field] == getattr(transaction, field):
            continue
        difference = money_data[field] - getattr(transaction, field)
        if field == "authorized_value" and transaction.events.filter(type=event_type).exists():
            event_type, difference = TransactionEventType.AUTHORIZATION_ADJUSTMENT, money_data[field]
        events.append(
            TransactionEvent(
                transaction=transaction,
                type=event_type,
                amount_value=difference,
                currency=transaction.currency,
                include_in_calculations=True,
                user=user,
                app=app,
                app_identifier=app.identifier if app else None,
            )
        )
    with allow_writer():
        return TransactionEvent.objects.bulk_create(events)


def process_order_or_checkout_with_transaction(
    transaction: TransactionItem,
    manager: "PluginsManager",
    user: "User | None",
    app: "App | None",
    previous_authorized_value: Decimal = Decimal(0),
    previous_charged_value: Decimal = Decimal(0),
    previous_refunded_value: Decimal = Decimal(0),
    related_granted_refund: Any = None,
) -> None:
    if transaction.checkout_id:
        _process_checkout(transaction, manager)
    if transaction.order_id:
        _process_order(
            transaction,
            manager,
            user,
            app,
            previous_authorized_value,
            previous_charged_value,
            previous_refunded_value,
        )


def _process_order(
    item: TransactionItem,
    manager: "PluginsManager",
    user: "User | None",
    app: "App | None",
    previous_authorized_value: Decimal,
    previous_charged_value: Decimal,
    previous_refunded_value: Decimal,
) -> None:
    from ..order import OrderStatus
    from ..order.actions import order_transaction_updated
    from ..order.fetch import fetch_order_info
    from ..order.models import Order
    from ..order.utils import update_order_status, updates_amounts_for_order

    with database.atomic():
        order = Order.objects.select_for_update(of=("self",)).get(pk=item.order_id)
        updates_amounts_for_order(order)
        if order.channel.automatically_confirm_all_new_orders and order.status == OrderStatus.UNCONFIRMED:
            update_order_status(order)
    order_transaction_updated(
        fetch_order_info(order),
        item,
        manager,
        user,
        app,
        previous_authorized_value,
        previous_charged_value,
        previous_refunded_value,
    )


def _process_checkout(item: TransactionItem, manager: "PluginsManager") -> None:
    from ..checkout import CheckoutChargeStatus
    from ..checkout.actions import call_checkout_event

    checkout = Checkout.objects.get(pk=item.checkout_id)
    charged_before = checkout.charge_status
    charged = sum((row.charged_value for row in checkout.payment_transactions.all()), Decimal(0))
    if charged <= 0:
        checkout.charge_status = CheckoutChargeStatus.NONE
    elif charged < checkout.total_gross_amount:
        checkout.charge_status = CheckoutChargeStatus.PARTIAL
    elif charged == checkout.total_gross_amount:
        checkout.charge_status = CheckoutChargeStatus.FULL
    else:
        checkout.charge_status = CheckoutChargeStatus.OVERCHARGED
    checkout.safe_update(["charge_status", "last_change"])
    paid = (CheckoutChargeStatus.FULL, CheckoutChargeStatus.OVERCHARGED)
    if checkout.charge_status in paid and charged_before not in paid:
        call_checkout_event(manager, "checkout_fully_paid", checkout)
