"""What happens to an order in the shop, done the way the shop does it: rows, status and hooks."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import transaction
from saleor.account.models import User
from saleor.core.db.connection import allow_writer
from saleor.core.utils.events import call_event
from saleor.order import FulfillmentStatus, actions
from saleor.order.fetch import fetch_order_info
from saleor.order.models import Fulfillment, Order, OrderLine
from saleor.order.utils import match_orders_with_new_user
from saleor.payment import TransactionAction, gateway
from saleor.payment.models import Payment, TransactionItem
from saleor.payment.transaction_item_calculations import recalculate_transaction_amounts
from saleor.payment.utils import (
    create_manual_adjustment_events,
    create_transaction_for_order,
    process_order_or_checkout_with_transaction,
)
from saleor.plugins.manager import PluginsManager, get_plugins_manager
from saleor.warehouse.models import Warehouse

Amount = Decimal | int | str


def manager() -> PluginsManager:
    return get_plugins_manager(allow_replica=False)


def announce_order(order: Order) -> None:
    """Fire what fires when a checkout becomes this order: created, paid if it is paid, confirmed."""
    with allow_writer():
        actions.order_created(fetch_order_info(order), order.user, None, manager())


def pay_order(order: Order, amount: Amount | None = None) -> TransactionItem | None:
    """Mark the order as paid by hand, or charge a part through a transaction, which is returned."""
    with allow_writer():
        if amount is None:
            actions.mark_order_as_paid_with_payment(order, None, None, manager())
            return None
        item = create_transaction_for_order(
            order, None, None, None, Decimal(amount), [TransactionAction.REFUND], "Charge"
        )
        process_order_or_checkout_with_transaction(item, manager(), None, None)
        order.refresh_from_db()
        return item


def refund_order(
    order: Order, amount: Amount | None = None, of: TransactionItem | None = None, goods: Iterable[OrderLine] = ()
) -> None:
    """Give back the amount, or all that is left: of the last payment if there is one, else of the transaction.

    `of`: the transaction, where there are several. `goods`: the lines that the refund of a payment is for.
    """
    with allow_writer():
        payment = order.get_last_payment()
        if payment is None:
            _refund_transaction(of or order.payment_transactions.get(), amount)
        else:
            money = payment.captured_amount if amount is None else Decimal(amount)
            refund_payment(payment, money)
            refunded = order.fulfillments.create(status=FulfillmentStatus.REFUNDED, total_refund_amount=money)
            for line in goods:
                refunded.lines.create(order_line=line, quantity=line.quantity)
            if goods:
                manager().order_updated(order)
        order.refresh_from_db()


def refund_payment(payment: Payment, amount: Decimal) -> None:
    """Give back money of a payment of the older kind, without a word about goods."""
    order = payment.order
    assert order is not None
    with allow_writer():
        gateway.refund(payment, manager(), order.channel.slug, amount)
        payment.refresh_from_db()
        actions.order_refunded(order, None, None, amount, payment, manager())


def _refund_transaction(item: TransactionItem, amount: Amount | None) -> None:
    """As an app reports it: the refund, and what stays charged."""
    item.refresh_from_db()
    before = item.authorized_value, item.charged_value, item.refunded_value
    money = item.charged_value if amount is None else Decimal(amount)
    amounts = {
        "charged_value": item.charged_value - money,
        "refunded_value": item.refunded_value + money,
    }
    create_manual_adjustment_events(item, amounts, None, None)
    recalculate_transaction_amounts(item)
    process_order_or_checkout_with_transaction(item, manager(), None, None, *before)


def cancel_order(order: Order) -> None:
    with allow_writer():
        _call(actions.cancel_order, order=order, user=None, app=None, manager=manager(), site_settings=_site_settings())


def fulfill_order(
    order: Order, lines: Sequence[tuple[OrderLine, int]] | None = None, warehouse: Warehouse | None = None
) -> Fulfillment:
    """Send the given quantities, or everything that is open."""
    lines = lines or [(line, line.quantity_unfulfilled) for line in order.lines.all()]
    with allow_writer():
        warehouse = warehouse or Warehouse.objects.first()
        infos = [{"order_line": line, "quantity": quantity} for line, quantity in lines]
        fulfillments = actions.create_fulfillments(
            None,
            None,
            order,
            {warehouse.pk if warehouse else None: infos},
            manager(),
            _site_settings(),
            allow_stock_to_be_exceeded=True,  # `make_order` allocates none.
        )
    return fulfillments[0]


def hand_over_orders(user: User) -> None:
    """Give a user the guests' orders of the address, as the shop does on confirmation: without a hook."""
    match_orders_with_new_user(user)


def delete_customer(user: User) -> None:
    """As staff do it: the row goes first, then the hook gets an object whose row is gone."""
    with allow_writer(), transaction.atomic():
        pk = user.pk
        user.delete()
        user.pk = pk
        call_event(manager().customer_deleted, user)


def _site_settings() -> Any:
    return apps.get_model("site", "SiteSettings").objects.get() if apps.is_installed("saleor.site") else None


def _call(function: Callable, **arguments: Any) -> Any:
    """Pass those arguments that this version of the function takes."""
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in arguments.items() if name in known})
