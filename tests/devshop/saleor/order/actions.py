"""What happens to an order after it was placed. Hooks fire where Saleor fires them, after commit, with its repeats."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from ..core.utils.events import _after_commit, call_event
from ..payment import (
    ChargeStatus,
    CustomPaymentChoices,
    PaymentError,
    TransactionAction,
    TransactionKind,
)
from ..payment.models import Payment, Transaction, TransactionItem
from ..payment.utils import _create_payment_for_order, create_transaction_for_order
from ..warehouse.models import Stock
from . import FulfillmentLineData, FulfillmentStatus, OrderChargeStatus, OrderEvents, OrderStatus
from .fetch import OrderInfo, OrderLineInfo
from .models import Fulfillment, FulfillmentLine, Order, OrderEvent, OrderLine
from .utils import (
    update_order_authorize_data,
    update_order_charge_data,
    update_order_status,
    updates_amounts_for_order,
)

if TYPE_CHECKING:
    from ..account.models import User
    from ..app.models import App
    from ..plugins.manager import PluginsManager

MARK_AS_PAID_TRANSACTION_NAME = "Manual charge"
_PAID_IN_FULL = (OrderChargeStatus.FULL, OrderChargeStatus.OVERCHARGED)


def _call_order_events(manager: "PluginsManager", hooks: Sequence[str], order: Order) -> None:
    for hook in hooks:
        _after_commit(getattr(manager, hook), order, webhooks=set())


def order_created(
    order_info: OrderInfo,
    user: "User | None",
    app: "App | None",
    manager: "PluginsManager",
    from_draft: bool = False,
    site_settings: Any = None,
    automatic: bool = False,
) -> None:
    order = order_info.order
    _call_order_events(manager, ["order_created"], order)
    if order.charge_status in _PAID_IN_FULL:
        payment = order_info.payment
        order_charged(order_info, user, app, payment.total if payment else None, payment, manager, site_settings)
    if order_info.channel.automatically_confirm_all_new_orders:
        order_confirmed(order, user, app, manager)


def order_confirmed(
    order: Order,
    user: "User | None",
    app: "App | None",
    manager: "PluginsManager",
    send_confirmation_email: bool = False,
    webhook_event_map: Any = None,
) -> None:
    _call_order_events(manager, ["order_confirmed"], order)


def order_charged(
    order_info: OrderInfo,
    user: "User | None",
    app: "App | None",
    amount: Decimal | None,
    payment: Payment | None,
    manager: "PluginsManager",
    site_settings: Any = None,
    gateway: str | None = None,
    webhook_event_map: Any = None,
) -> None:
    """Some money came in: `order_paid` each time, and `order_fully_paid` each time that nothing is due any more."""
    order = order_info.order
    if order.status == OrderStatus.DRAFT:
        return
    _call_order_events(manager, ["order_paid"], order)
    if order.charge_status in _PAID_IN_FULL:
        handle_fully_paid_order(manager, order_info, {}, user, app, site_settings, gateway)
    else:
        _call_order_events(manager, ["order_updated"], order)


def handle_fully_paid_order(
    manager: "PluginsManager",
    order_info: OrderInfo,
    webhook_event_map: Any,
    user: "User | None" = None,
    app: "App | None" = None,
    site_settings: Any = None,
    gateway: str | None = None,
) -> None:
    order = order_info.order
    if order.status != OrderStatus.DRAFT and order.channel.automatically_confirm_all_new_orders:
        update_order_status(order)
    _call_order_events(manager, ["order_fully_paid", "order_updated"], order)


def order_refunded(
    order: Order,
    user: "User | None",
    app: "App | None",
    amount: Decimal,
    payment: Payment | None,
    manager: "PluginsManager",
    trigger_order_updated: bool = True,
    webhook_event_map: Any = None,
) -> None:
    hooks = ["order_refunded"]
    if trigger_order_updated:
        hooks.append("order_updated")
    if _refunded_in_all(order, payment) >= order.total_gross_amount:
        hooks.append("order_fully_refunded")
    _call_order_events(manager, hooks, order)


def _refunded_in_all(order: Order, payment: Payment | None) -> Decimal:
    """As in Saleor: the refunds of one payment only, and of all transactions."""
    payment = payment or order.get_last_payment()
    refunded = sum((item.refunded_value for item in order.payment_transactions.all()), Decimal(0))
    if payment and payment.charge_status in (ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.FULLY_REFUNDED):
        operations = payment.transactions.filter(kind=TransactionKind.REFUND, is_success=True)
        refunded += sum((operation.amount for operation in operations), Decimal(0))
    return refunded


def order_transaction_updated(
    order_info: OrderInfo,
    transaction_item: TransactionItem,
    manager: "PluginsManager",
    user: "User | None",
    app: "App | None",
    previous_authorized_value: Decimal,
    previous_charged_value: Decimal,
    previous_refunded_value: Decimal,
    site_settings: Any = None,
) -> None:
    charged_more = transaction_item.charged_value > previous_charged_value
    charged_less = transaction_item.charged_value < previous_charged_value
    refunded_more = transaction_item.refunded_value > previous_refunded_value
    if charged_more:
        payment = order_info.payment
        order_charged(order_info, user, app, payment.total if payment else None, payment, manager, site_settings)
    if refunded_more:
        amount = transaction_item.refunded_value - previous_refunded_value
        order_refunded(order_info.order, user, app, amount, None, manager)
    authorized = transaction_item.authorized_value != previous_authorized_value
    if (charged_less and not refunded_more) or (authorized and not charged_more and not refunded_more):
        _call_order_events(manager, ["order_updated"], order_info.order)


def clean_mark_order_as_paid(order: Order) -> None:
    if order.payments.exists() or order.payment_transactions.exists():
        raise PaymentError("The order has a payment, so it cannot be marked as paid by hand.")


def mark_order_as_paid_with_payment(
    order: Order,
    request_user: "User | None",
    app: "App | None",
    manager: "PluginsManager",
    external_reference: str | None = None,
) -> None:
    with transaction.atomic():
        payment = _create_payment_for_order(order, CustomPaymentChoices.MANUAL, external_reference)
        payment.charge_status = ChargeStatus.FULLY_CHARGED
        payment.captured_amount = order.total_gross_amount
        payment.save(update_fields=["captured_amount", "charge_status", "modified_at"])
        Transaction.objects.create(
            payment=payment,
            kind=TransactionKind.EXTERNAL,
            token=external_reference or "",
            is_success=True,
            amount=order.total_gross_amount,
            currency=order.currency,
            gateway_response={},
        )
        update_order_charge_data(order)
        update_order_authorize_data(order)
        _call_order_events(manager, ["order_fully_paid", "order_updated"], order)


def mark_order_as_paid_with_transaction(
    order: Order,
    request_user: "User | None",
    app: "App | None",
    manager: "PluginsManager",
    external_reference: str | None = None,
) -> None:
    with transaction.atomic():
        create_transaction_for_order(
            order,
            request_user,
            app,
            external_reference,
            order.total_gross_amount,
            [TransactionAction.REFUND],
            MARK_AS_PAID_TRANSACTION_NAME,
        )
        updates_amounts_for_order(order)
        _call_order_events(manager, ["order_fully_paid", "order_updated"], order)


def cancel_order(
    order: Order, user: "User | None", app: "App | None", manager: "PluginsManager", webhook_event_map: Any = None
) -> None:
    """Cancel without giving money back. The voucher stays used, as in Saleor."""
    with transaction.atomic():
        order.status = OrderStatus.CANCELED
        order.save(update_fields=["status", "updated_at"])
        OrderEvent.objects.create(order=order, type=OrderEvents.CANCELED)
        _call_order_events(manager, ["order_cancelled", "order_updated"], order)


def create_fulfillments(
    user: "User | None",
    app: "App | None",
    order: Order,
    fulfillment_lines_for_warehouses: dict[UUID, list[dict[str, Any]]],
    manager: "PluginsManager",
    site_settings: Any,
    *,
    notify_customer: bool = True,
    auto: bool = False,
    auto_approved: bool = True,
    allow_stock_to_be_exceeded: bool = False,
    tracking_number: str = "",
) -> list[Fulfillment]:
    """One fulfilment for each warehouse; its lines are dicts of `order_line` and `quantity`."""
    fulfillments = []
    lines = []
    with transaction.atomic():
        for warehouse_pk, line_infos in fulfillment_lines_for_warehouses.items():
            fulfillment = Fulfillment.objects.create(
                order=order, status=FulfillmentStatus.FULFILLED, tracking_number=tracking_number
            )
            fulfillments.append(fulfillment)
            lines += [_fulfill(fulfillment, warehouse_pk, **line_info) for line_info in line_infos]
            if tracking_number:
                call_event(manager.tracking_number_updated, fulfillment)
        FulfillmentLine.objects.bulk_create(lines)
        order.refresh_from_db()
        update_order_status(order)
        for fulfillment in fulfillments:
            call_event(manager.fulfillment_created, fulfillment, notify_customer)
        fulfilled = order.status == OrderStatus.FULFILLED
        if fulfilled:
            for fulfillment in fulfillments:
                call_event(manager.fulfillment_approved, fulfillment, notify_customer)
        _call_order_events(manager, ["order_updated", *(["order_fulfilled"] if fulfilled else [])], order)
    return fulfillments


def _fulfill(fulfillment: Fulfillment, warehouse_pk: UUID, order_line: OrderLine, quantity: int) -> FulfillmentLine:
    line = OrderLine.objects.select_for_update(of=("self",)).get(pk=order_line.pk)
    line.quantity_fulfilled += quantity
    line.save(update_fields=["quantity_fulfilled"])
    stock = Stock.objects.filter(warehouse_id=warehouse_pk, product_variant_id=line.variant_id).first()
    return FulfillmentLine(fulfillment=fulfillment, order_line=line, quantity=quantity, stock=stock)


def create_fulfillments_for_returned_products(
    user: "User | None",
    app: "App | None",
    order: Order,
    payment: Payment | None,
    order_lines: list[OrderLineInfo],
    fulfillment_lines: list[FulfillmentLineData],
    manager: "PluginsManager",
    refund: bool = False,
    amount: Decimal | None = None,
    refund_shipping_costs: bool = False,
) -> tuple[Fulfillment, None, None]:
    """Take products back, fulfilled or not yet, with the money or without. No replacement order is made."""
    with transaction.atomic():
        refunded = None
        if refund and payment:
            refunded = _refund_returned(
                user,
                app,
                order,
                payment,
                order_lines,
                fulfillment_lines,
                manager,
                amount,
                refund_shipping_costs,
            )
        returned = Fulfillment.objects.create(
            order=order,
            status=FulfillmentStatus.RETURNED if refunded is None else FulfillmentStatus.REFUNDED_AND_RETURNED,
            total_refund_amount=refunded,
            shipping_refund_amount=(
                order.shipping_price_gross_amount if refund_shipping_costs and amount is None else None
            ),
        )
        _move_to(returned, order_lines, fulfillment_lines)
        order.fulfillments.filter(
            lines=None, status__in=[FulfillmentStatus.FULFILLED, FulfillmentStatus.WAITING_FOR_APPROVAL]
        ).delete()
        transaction.on_commit(lambda: update_order_status(order))
        _call_order_events(manager, ["order_updated"], order)
    return returned, None, None


def _refund_returned(
    user: "User | None",
    app: "App | None",
    order: Order,
    payment: Payment,
    order_lines: list[OrderLineInfo],
    fulfillment_lines: list[FulfillmentLineData],
    manager: "PluginsManager",
    amount: Decimal | None,
    refund_shipping_costs: bool,
) -> Decimal:
    from ..payment.gateway import refund

    if amount is None:
        amount = sum((data.line.unit_price_gross_amount * data.quantity for data in order_lines), Decimal(0))
        for data in fulfillment_lines:
            if data.line.fulfillment.status != FulfillmentStatus.REFUNDED:
                amount += data.line.order_line.unit_price_gross_amount * data.quantity
        if refund_shipping_costs:
            amount += order.shipping_price_gross_amount
    amount = min(payment.captured_amount, amount)
    if amount:
        refund(payment, manager, order.channel.slug, amount)
        payment.refresh_from_db()
        order_refunded(order, user, app, amount, payment, manager, trigger_order_updated=False)
    return amount


def _move_to(
    returned: Fulfillment, order_lines: list[OrderLineInfo], fulfillment_lines: list[FulfillmentLineData]
) -> None:
    for info in order_lines:
        moved = min(info.line.quantity_unfulfilled, info.quantity)
        info.line.quantity_fulfilled += moved
        info.line.save(update_fields=["quantity_fulfilled"])
        returned.lines.create(order_line=info.line, quantity=moved)
    for data in fulfillment_lines:
        moved = min(data.line.quantity, data.quantity)
        same = returned.lines.filter(order_line_id=data.line.order_line_id, stock_id=data.line.stock_id).first()
        if same:
            same.quantity += moved
            same.save(update_fields=["quantity"])
        else:
            returned.lines.create(order_line_id=data.line.order_line_id, stock_id=data.line.stock_id, quantity=moved)
        data.line.quantity -= moved
        if data.line.quantity:
            data.line.save(update_fields=["quantity"])
        else:
            data.line.delete()
