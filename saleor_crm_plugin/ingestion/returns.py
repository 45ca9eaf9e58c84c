"""Which goods of an order came back, or had a refund granted, whether or not money has moved.

Such goods stand in fulfillments of three statuses. Saleor moves what came back and is refunded later to what was only
refunded, and may have been kept: that is taken back, but does not count as having come back.

A granted refund names lines of its own, often the same goods that come back later, so a line counts with the larger of
the two, never with both. Goods that were replaced do not count: the customer keeps something in their place. A grant
that failed does not count, and one over less than its goods cost counts in that proportion. Of what the payment app
answers Saleor tells us first, and writes what it means for the grant afterwards, telling nobody; so the answers decide,
as they do for Saleor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import DateTimeField, Func, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from saleor.order import FulfillmentStatus, OrderGrantedRefundStatus
from saleor.order.models import FulfillmentLine, OrderGrantedRefund
from saleor.payment import TransactionEventType
from saleor.payment.models import TransactionEvent

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.ingestion.snapshots import LineSnapshot, OrderSnapshot

CAME_BACK = (FulfillmentStatus.RETURNED, FulfillmentStatus.REFUNDED_AND_RETURNED)
TAKEN_BACK = (*CAME_BACK, FulfillmentStatus.REFUNDED)
WHOLE = Fraction(1)
REFUND_ANSWERS = (
    TransactionEventType.REFUND_REQUEST,
    TransactionEventType.REFUND_SUCCESS,
    TransactionEventType.REFUND_REVERSE,
    TransactionEventType.REFUND_FAILURE,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A refund that staff granted for lines of an order, or its shipping. `quantities` by line id."""

    amount: Decimal
    with_shipping: bool
    quantities: Mapping[UUID, int]


class Returned(NamedTuple):
    """Pieces of a line that came back or were refunded, and those of them that came back."""

    taken_back: int
    came_back: int


NOTHING = Returned(0, 0)


@partial(CompiledQuery, "fulfillment__order_id")
def _returned_goods() -> QuerySet[Any, Any]:
    return (
        FulfillmentLine.objects.filter(fulfillment__status__in=TAKEN_BACK)
        .order_by()
        .values_list("order_line__order_id", "order_line_id")
        .annotate(
            taken_back=Sum("quantity"),
            came_back=Coalesce(Sum("quantity", filter=Q(fulfillment__status__in=CAME_BACK)), 0),
        )
    )


def read_returns(order_ids: Collection[UUID], alias: str) -> dict[UUID, dict[UUID, Returned]]:
    """Goods that came back or were refunded, by order and line. One SQL statement."""
    found: defaultdict[UUID, dict[UUID, Returned]] = defaultdict(dict)
    for order_id, line_id, taken_back, came_back in _returned_goods(order_ids, alias):
        found[order_id][line_id] = Returned(taken_back, came_back)
    return found


@partial(CompiledQuery, "order_id")
def _granted_refunds() -> QuerySet[Any, Any]:
    times = ArrayField(DateTimeField())
    rows: QuerySet[Any, Any] = OrderGrantedRefund.objects.annotate(answered_at=Subquery(_answers(), output_field=times))
    # A grant for the shipping alone has no lines.
    return rows.order_by("pk", "lines__pk").values_list(
        "order_id", "pk", "amount_value", "shipping_costs_included", "lines__order_line_id", "lines__quantity",
        "status", "answered_at",
    )  # fmt: skip


def _answers() -> QuerySet[Any, Any]:
    """When a grant's refund failed last, and when its transaction said anything of it last."""
    events: QuerySet[Any, Any] = TransactionEvent.objects.filter(
        related_granted_refund_id=OuterRef("pk"),
        transaction_id=OuterRef("transaction_item_id"),
        type__in=REFUND_ANSWERS,
    )
    # Not the last row by its time: PostgreSQL would walk the events of all transactions along the index on that.
    times = Func(
        Max("created_at", filter=Q(type=TransactionEventType.REFUND_FAILURE)),
        Max("created_at"),
        template="ARRAY[%(expressions)s]",
        output_field=ArrayField(DateTimeField()),
    )
    return events.order_by().values("related_granted_refund_id").annotate(value=times).values("value")


def _has_failed(status: str, answered_at: Sequence[datetime | None] | None) -> bool:
    if answered_at is None:
        return status == OrderGrantedRefundStatus.FAILURE
    failed_at, last_at = answered_at
    return failed_at == last_at


def read_grants(order_ids: Collection[UUID], alias: str) -> dict[UUID, list[Grant]]:
    """Refunds granted for lines or shipping, by order. One SQL statement."""
    grants: dict[tuple[UUID, int], tuple[Decimal, bool, dict[UUID, int]]] = {}
    for order_id, grant_id, amount, with_shipping, line_id, quantity, *state in _granted_refunds(order_ids, alias):
        if _has_failed(*state):
            continue
        _, _, quantities = grants.setdefault((order_id, grant_id), (amount, with_shipping, {}))
        if line_id is not None:
            quantities[line_id] = quantities.get(line_id, 0) + quantity
    found: defaultdict[UUID, list[Grant]] = defaultdict(list)
    for (order_id, _), grant in grants.items():
        found[order_id].append(Grant(*grant))
    return found


def let_go(total: Decimal, charged: Decimal, paid: Decimal, grants: Iterable[Grant]) -> Decimal:
    """What of an order's total was never paid and need not be: as Saleor reckons, grants cover what is not charged.

    Without anything charged, a grant pays for nothing.

    Args:
        charged: less what was given back or is asked back.
        paid: what came in at some time.
    """
    granted = sum((grant.amount for grant in grants), Decimal(0))
    return max(total - paid, Decimal(0)) if charged > 0 and total <= charged + granted else Decimal(0)


def with_returns(order: OrderSnapshot, returned: Mapping[UUID, Returned], grants: Iterable[Grant]) -> OrderSnapshot:
    """The order with the shares of its lines and shipping that were taken back, and the pieces that came back."""
    if not returned and not grants:
        return order
    granted: defaultdict[UUID, Fraction] = defaultdict(Fraction)
    shipping = Fraction(0)
    for grant in grants:
        parts = {
            line.line_id: Fraction(grant.quantities[line.line_id], line.quantity)
            for line in order.lines
            if line.line_id in grant.quantities and line.quantity > 0
        }
        price = sum((Fraction(line.total_gross) * parts.get(line.line_id, 0) for line in order.lines), Fraction(0)) + (
            Fraction(order.shipping_gross) if grant.with_shipping else 0
        )
        covered = min(Fraction(grant.amount) / price, WHOLE) if price > 0 else WHOLE
        for line_id, part in parts.items():
            granted[line_id] += part * covered
        shipping += covered if grant.with_shipping else 0

    def now(line: LineSnapshot) -> LineSnapshot:
        if line.quantity <= 0:
            return line
        of_line = returned.get(line.line_id, NOTHING)
        taken_back = max(Fraction(of_line.taken_back, line.quantity), granted[line.line_id])
        return replace(line, returned=min(of_line.came_back, line.quantity), taken_back=min(taken_back, WHOLE))

    lines = tuple(now(line) for line in order.lines)
    return replace(order, lines=lines, shipping_taken_back=min(shipping, WHOLE))
