"""Reads Saleor's orders and customers into snapshots, a batch at a time.

Five SQL statements for any number of orders. All money of an order comes from the first, so that a refund which
commits while we read can never be counted on one side only.

Where Saleor keeps refunded money (3.21 to 3.24): a `Payment` goes down in `captured_amount` and gets a `Transaction`
of kind "refund" (one of kind "refund_reversed" if the refund bounces); a `TransactionItem` goes down in
`charged_value` and up in `refunded_value`, which Saleor itself lowers when a refund bounces. `total_charged_amount`
of the order is the sum of `captured_amount` and `charged_value`. Refunds that are only asked for ("refund_ongoing",
`refund_pending_value`, by which `charged_value` is lower already), and `OrderGrantedRefund`, which is a promise, are
not money given back. Which goods came back or are promised back, `returns` reads.

Staff and apps may also report a refund by itself, and leave `charged_value` alone: in a transaction of its own, as the
Dashboard does, or in that of the charge. What came in is therefore counted by the events of each transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS
from django.db.models import (
    BooleanField,
    Case,
    DateTimeField,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least
from saleor.account.models import User
from saleor.discount import DiscountType
from saleor.discount.models import OrderDiscount
from saleor.order import FulfillmentStatus, OrderOrigin, OrderStatus
from saleor.order.models import Fulfillment, FulfillmentLine, Order, OrderLine
from saleor.payment import ChargeStatus, TransactionEventType, TransactionKind
from saleor.payment.models import Payment, Transaction, TransactionEvent, TransactionItem

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.fields import MONEY_DIGITS, MONEY_PLACES
from saleor_crm_plugin.ingestion.currencies import in_coins
from saleor_crm_plugin.ingestion.gift_cards import read_charged_cards, read_gift_cards
from saleor_crm_plugin.ingestion.placing import placed_at
from saleor_crm_plugin.ingestion.returned_goods import Refund, read_returns
from saleor_crm_plugin.ingestion.returns import let_go, read_grants, with_returns
from saleor_crm_plugin.ingestion.sending import sent_at
from saleor_crm_plugin.ingestion.snapshots import CustomerSnapshot, LineSnapshot, OrderSnapshot, fully_paid
from saleor_crm_plugin.profiles.identity import normalize_email
from saleor_crm_plugin.profiles.models import ProfileOrder

# Kind of a bounced refund; a string, because plugins may store kinds that a Saleor version does not name.
REFUND_REVERSED = "refund_reversed"
# Payments whose money arrived, even if all of it went back since.
CHARGED = Q(captured_amount__gt=0) | Q(charge_status__in=[ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.FULLY_REFUNDED])

_MONEY: DecimalField[Any, Any] = DecimalField(max_digits=MONEY_DIGITS, decimal_places=MONEY_PLACES)
NOTHING = Value(Decimal(0), output_field=_MONEY)
NO_TRANSACTIONS = (Decimal(0),) * 4
# By which Saleor, from 3.23, knows the transactions that gift cards pay through.
GIFT_CARD_GATEWAY = "saleor.io.gift-card-payment-gateway"


def read_orders(order_ids: Collection[UUID], using: str | None = None) -> dict[UUID, OrderSnapshot]:
    """The orders that exist, as they are now. Five SQL statements; an unknown id is simply not in the answer.

    One more each where gift cards have paid, and where goods were refunded that may have been kept.
    """
    if not order_ids:
        return {}
    alias = using or DEFAULT_DB_ALIAS
    orders = _orders(order_ids, alias)
    if not orders:
        return {}
    found = [order["pk"] for order in orders]
    returned, grants = read_returns(found, alias), read_grants(found, alias)
    lines, gift_cards = _lines_by_order(found, alias), read_gift_cards(found, alias)
    charged_cards = read_charged_cards([pk for pk, cards in gift_cards.items() if cards], alias)
    return {
        order["pk"]: with_returns(
            _snapshot(
                order,
                grants.get(order["pk"], ()),
                lines.get(order["pk"], ()),
                gift_cards.get(order["pk"], {}),
                charged_cards.get(order["pk"], frozenset()),
            ),
            returned.get(order["pk"]),
            grants.get(order["pk"], ()),
        )
        for order in orders
    }


def read_customer(user_id: int, using: str | None = None) -> CustomerSnapshot | None:
    """The user as they are now, or None if there is none. One SQL statement."""
    return read_customers([user_id], using).get(user_id)


def read_customers(user_ids: Collection[int], using: str | None = None) -> dict[int, CustomerSnapshot]:
    """The users that exist, as they are now. One SQL statement."""
    rows = (
        User.objects.using(using or DEFAULT_DB_ALIAS)
        .filter(pk__in=user_ids)
        .order_by()
        .values_list("pk", "email", "is_confirmed", "is_active")
    )
    return {
        pk: CustomerSnapshot(pk, normalize_email(email), owns_email=confirmed and active)
        for pk, email, confirmed, active in rows
    }


_COLUMNS = (
    "pk", "number", "status", "origin", "channel_id", "currency", "user_id", "user_email", "placed_at",
    "updated_at", "expired_at", "total_gross_amount", "total_net_amount", "shipping_price_gross_amount",
    "shipping_price_net_amount", "total_charged_amount", "voucher_code", "voucher_id", "billing_address__company_name",
    "refunded_by_payments", "by_transactions", "last_payment_at", "last_transactions_at", "voucher_amount",
    "last_fulfillment_at", "is_fulfilled", "is_moved",
)  # fmt: skip


def _orders(order_ids: Collection[UUID], alias: str) -> list[dict[str, Any]]:
    return [dict(zip(_COLUMNS, row, strict=True)) for row in _order_rows(order_ids, alias)]


@partial(CompiledQuery, "pk", is_costly=True)
def _order_rows() -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = Order.objects.order_by().annotate(
        placed_at=placed_at(),
        imported_at=Case(When(origin=OrderOrigin.BULK_CREATE, then=F("created_at"))),
        refunded_by_payments=_one_value(_payment_refunds(), _MONEY),
        by_transactions=_one_value(_transaction_refunds(), ArrayField(_MONEY)),
        last_payment_at=_one_value(_last_payment(), DateTimeField()),
        last_transactions_at=_one_value(_last_transactions(), ArrayField(DateTimeField())),
        voucher_amount=_one_value(_of_order(OrderDiscount).annotate(value=Sum(_off_by_voucher())), _MONEY),
        last_fulfillment_at=_one_value(_last_fulfillment(), DateTimeField()),
        is_fulfilled=ExpressionWrapper(_is_fulfilled(), output_field=BooleanField()),
        is_moved=Exists(_placed_elsewhere()),
    )
    return rows.values_list(*_COLUMNS)


def _of_order(model: type[Model]) -> QuerySet[Any, Any]:
    return model._default_manager.filter(order_id=OuterRef("pk")).order_by().values("order_id")


def _is_fulfilled() -> Q:
    """Saleor calls an order partially returned before it asks whether all of it was sent, and does not ask again when
    the last goods to send are refunded.
    """
    to_send = OrderLine.objects.filter(order_id=OuterRef("pk"), quantity_fulfilled__lt=F("quantity"))
    to_approve = Fulfillment.objects.filter(order_id=OuterRef("pk"), status=FulfillmentStatus.WAITING_FOR_APPROVAL)
    in_part = Q(status__in=[OrderStatus.PARTIALLY_FULFILLED, OrderStatus.PARTIALLY_RETURNED])
    rest_is_sent = in_part & ~Exists(to_send) & ~Exists(to_approve)
    return Q(status__in=[OrderStatus.FULFILLED, OrderStatus.RETURNED]) | rest_is_sent


def _last_fulfillment() -> QuerySet[Any, Any]:
    """When the last goods were sent, or refunded instead. What came back, was replaced or refunded after that was moved
    to a fulfillment of its own, and one that is emptied so is deleted: then the others are all that is known.
    """
    # Goods that were sent keep their stock.
    unsent = FulfillmentLine.objects.filter(fulfillment_id=OuterRef("pk"), stock__isnull=True)
    instead = Q(status=FulfillmentStatus.REFUNDED) & Q(Exists(unsent))
    last = Max(sent_at(), filter=Q(status=FulfillmentStatus.FULFILLED) | instead)
    return _of_order(Fulfillment).annotate(value=Coalesce(last, Max("created_at")))


def _placed_elsewhere() -> QuerySet[ProfileOrder]:
    """What we know of the order, if it is of another channel, or if the mark says that it was before."""
    return ProfileOrder.objects.filter(Q(is_moved=True) | ~Q(channel_id=OuterRef("channel_id")), pk=OuterRef("pk"))


def _off_by_voucher() -> Case:
    """A discount that staff give takes the place of a voucher of the whole order: Saleor deletes what that took off."""
    return Case(
        When(voucher_code=OuterRef("voucher_code"), then=F("amount_value")),
        When(type=DiscountType.MANUAL, then=Value(Decimal(0))),
        output_field=_MONEY,
    )


def _payment_refunds() -> QuerySet[Any, Any]:
    back_to_customer = Case(
        When(kind=TransactionKind.REFUND, then=F("amount")),
        default=-F("amount"),
        output_field=_MONEY,
    )
    refunds: QuerySet[Any, Any] = Transaction.objects.filter(
        payment__order_id=OuterRef("pk"),
        kind__in=[TransactionKind.REFUND, REFUND_REVERSED],
        is_success=True,
        action_required=False,
    )
    by_order: QuerySet[Any, Any] = refunds.order_by().values("payment__order_id")
    return by_order.annotate(value=Sum(back_to_customer))


def _transaction_refunds() -> QuerySet[Any, Any]:
    """What an order's transactions gave back, were asked to, had charged of the former, and charged to gift cards."""
    charges = _charges().order_by().values("transaction_id").annotate(value=Sum("amount_value"))
    came_in = Coalesce(_one_value(charges, _MONEY), NOTHING)
    taken_off = came_in - F("charged_value") - F("refund_pending_value")
    of_own_charges = Case(
        When(refunded_value__gt=0, then=Least(F("refunded_value"), Greatest(taken_off, NOTHING))),
        default=NOTHING,
        output_field=_MONEY,
    )
    to_cards = Case(When(app_identifier=GIFT_CARD_GATEWAY, then=came_in), default=NOTHING, output_field=_MONEY)
    sums = Func(
        Sum("refunded_value"),
        Sum("refund_pending_value"),
        Sum(of_own_charges),
        Sum(to_cards),
        template="ARRAY[%(expressions)s]",
        output_field=ArrayField(_MONEY),
    )
    return _of_order(TransactionItem).annotate(value=sums)


def _last_payment() -> QuerySet[Any, Any]:
    """When money last came in by a payment. Capturing what was authorized is an operation on it, often much later."""
    captures: QuerySet[Any, Any] = Transaction.objects.filter(
        payment_id=OuterRef("pk"), kind=TransactionKind.CAPTURE, is_success=True, action_required=False
    )
    by_payment = captures.order_by().values("payment_id").annotate(value=Max("created_at"))
    # One that staff marked as paid has no capture.
    came_in_at = Coalesce(_one_value(by_payment, DateTimeField()), F("created_at"))
    return _of_order(Payment).filter(CHARGED).annotate(value=Max(came_in_at))


def _last_transactions() -> QuerySet[Any, Any]:
    """When money last came in by a transaction of an order, and when the last one that gave some back was begun."""
    gave_back = Q(refunded_value__gt=0)
    charged_before = (gave_back | Q(refund_pending_value__gt=0)) & Q(Exists(_charges()))
    by_event = Max(_happened_at(OuterRef(OuterRef("imported_at"))))
    charges = _charges().order_by().values("transaction_id").annotate(value=by_event)
    begun_at = _happened_at(OuterRef("imported_at"))
    # Of what was authorized, later than it was begun. What was imported may have no events.
    charged_at = Coalesce(_one_value(charges, DateTimeField()), begun_at)
    times = Func(
        Max(charged_at, filter=Q(charged_value__gt=0) | charged_before),
        Max(begun_at, filter=gave_back),
        template="ARRAY[%(expressions)s]",
        output_field=ArrayField(DateTimeField()),
    )
    return _of_order(TransactionItem).annotate(value=times)


def _happened_at(imported_at: Any) -> Coalesce:
    """Of a transaction, or an event of one: what neither staff nor an app did came with the order, on whatever day that
    was imported.
    """
    by_nobody = Q(user__isnull=True, app__isnull=True, app_identifier__isnull=True)
    return Coalesce(Case(When(by_nobody, then=imported_at)), F("created_at"), output_field=DateTimeField())


def _charges() -> QuerySet[Any, Any]:
    """Of one transaction."""
    return TransactionEvent.objects.filter(
        transaction_id=OuterRef("pk"),
        type=TransactionEventType.CHARGE_SUCCESS,
        include_in_calculations=True,
        # An app that lowers what it charged writes the difference.
        amount_value__gt=0,
    )


def _one_value(rows: QuerySet[Any, Any], field: Any) -> Subquery:
    return Subquery(rows.values("value"), output_field=field)


@partial(CompiledQuery, "order_id")
def _line_rows() -> QuerySet[Any, Any]:
    return OrderLine.objects.order_by("pk").values_list(
        "order_id", "pk", "variant__product_id", "variant_id", "quantity",
        "total_price_gross_amount", "total_price_net_amount", "is_gift_card", "variant__product__product_type_id",
        "sale_id", "base_unit_price_amount", "tax_rate", "unit_price_gross_amount",
    )  # fmt: skip


def _lines_by_order(order_ids: list[UUID], alias: str) -> dict[UUID, tuple[LineSnapshot, ...]]:
    lines: defaultdict[UUID, list[LineSnapshot]] = defaultdict(list)
    for order_id, *values, sale_id, base_price, tax_rate, unit_gross in _line_rows(order_ids, alias):
        line = LineSnapshot(*values)
        lines[order_id].append(
            replace(
                line,
                # Set for promotions of the catalogue only; vouchers, gifts and order promotions leave it empty.
                is_on_sale=bool(sale_id),
                base_total=base_price * line.quantity,
                tax_rate=tax_rate or Decimal(0),
                unit_gross=unit_gross,
            )
        )
    return {order_id: tuple(of_order) for order_id, of_order in lines.items()}


def _snapshot(
    row: dict[str, Any],
    grants: Iterable[Refund],
    lines: tuple[LineSnapshot, ...],
    gift_cards: Mapping[int, Decimal],
    charged_cards: frozenset[int],
) -> OrderSnapshot:
    by_payments = row["refunded_by_payments"] or Decimal(0)
    by_transactions, asked_for, of_own_charges, charged_to_cards = row["by_transactions"] or NO_TRANSACTIONS
    # A tax app leaves fractions of a coin in the total, which nobody can pay; what staff mark as paid has them, too.
    in_money = partial(in_coins, currency=row["currency"])
    total, still_charged = in_money(row["total_gross_amount"]), in_money(row["total_charged_amount"])
    refunded = in_money(max(by_payments + by_transactions, Decimal(0)))
    charged = in_money(row["total_charged_amount"] + asked_for)
    came_in = in_money(row["total_charged_amount"] + asked_for + max(by_payments, Decimal(0)) + of_own_charges)
    paid_at = fulfilled_at = None
    rest = let_go(total, still_charged, charged + refunded, grants)
    if fully_paid(total, charged + rest, refunded):
        charged_at, refunded_at = row["last_transactions_at"] or (None, None)
        # Of what was imported or an app wrote, the refund may be all that is known.
        came_in_at = [moment for moment in (row["last_payment_at"], charged_at) if moment] or [refunded_at]
        paid_at = _latest(row["placed_at"], *came_in_at)
    if row["is_fulfilled"]:
        fulfilled_at = row["last_fulfillment_at"]
    return OrderSnapshot(
        order_id=row["pk"],
        number=row["number"],
        status=row["status"],
        origin=row["origin"],
        channel_id=row["channel_id"],
        currency=row["currency"],
        user_id=row["user_id"],
        email=normalize_email(row["user_email"]),
        placed_at=row["placed_at"],
        updated_at=_latest(row["updated_at"], row["expired_at"]),
        total_gross=total,
        total_net=row["total_net_amount"],
        shipping_gross=row["shipping_price_gross_amount"],
        shipping_net=row["shipping_price_net_amount"],
        charged=charged,
        refunded=refunded,
        overpaid=max(came_in - total, Decimal(0)),
        voucher_code=row["voucher_code"] or "",
        voucher_amount=row["voucher_amount"],
        paid_at=paid_at,
        fulfilled_at=fulfilled_at,
        lines=lines,
        paid_by_card=gift_cards,
        charged_cards=charged_cards,
        charged_to_cards=charged_to_cards,
        is_business=bool((row["billing_address__company_name"] or "").strip()),
        is_moved=row["is_moved"],
        let_go=rest,
        voucher_is_gone=bool(row["voucher_code"]) and row["voucher_id"] is None,
    )


def _latest(first: datetime, *others: datetime | None) -> datetime:
    return max([first, *(other for other in others if other is not None)])
