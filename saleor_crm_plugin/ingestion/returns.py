"""Which goods of an order were taken back: came back, or had a refund given or granted, whether or not money has moved.

A granted refund names lines of its own, often the same goods that come back later, so a line counts with the larger of
the two, never with both. Goods that were replaced do not count: the customer keeps something in their place. A refund
over less than its goods were to cost in money counts in that proportion. Only once all goods are named and all money is
back does it not matter what went for which: Saleor gives back no more than an earlier refund has left. A grant that
failed does not count. Of what the payment app answers Saleor tells us first, and writes what it means for the grant
afterwards, telling nobody; so the answers decide, as they do for Saleor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import DateTimeField, Func, Max, OuterRef, Q, QuerySet, Subquery
from saleor.order import OrderGrantedRefundStatus
from saleor.order.models import OrderGrantedRefund
from saleor.payment import TransactionEventType
from saleor.payment.models import TransactionEvent

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.ingestion.returned_goods import Refund, Returns
from saleor_crm_plugin.ingestion.snapshots import LineSnapshot, OrderSnapshot

WHOLE = Fraction(1)
REFUND_ANSWERS = (
    TransactionEventType.REFUND_REQUEST,
    TransactionEventType.REFUND_SUCCESS,
    TransactionEventType.REFUND_REVERSE,
    TransactionEventType.REFUND_FAILURE,
)


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


def read_grants(order_ids: Collection[UUID], alias: str) -> dict[UUID, list[Refund]]:
    """Refunds granted for lines or shipping, by order. One SQL statement."""
    grants: dict[tuple[UUID, int], tuple[Decimal, bool, dict[UUID, int]]] = {}
    for order_id, grant_id, amount, with_shipping, line_id, quantity, *state in _granted_refunds(order_ids, alias):
        if _has_failed(*state):
            continue
        _, _, quantities = grants.setdefault((order_id, grant_id), (amount, with_shipping, {}))
        if line_id is not None:
            quantities[line_id] = quantities.get(line_id, 0) + quantity
    found: defaultdict[UUID, list[Refund]] = defaultdict(list)
    for (order_id, _), grant in grants.items():
        found[order_id].append(Refund(*grant))
    return found


def let_go(total: Decimal, charged: Decimal, paid: Decimal, grants: Iterable[Refund]) -> Decimal:
    """What of an order's total was never paid and need not be: as Saleor reckons, grants cover what is not charged.

    Without anything charged, a grant pays for nothing.

    Args:
        charged: less what was given back or is asked back.
        paid: what came in at some time.
    """
    granted = sum((grant.amount for grant in grants), Decimal(0))
    return max(total - paid, Decimal(0)) if charged > 0 and total <= charged + granted else Decimal(0)


def with_returns(order: OrderSnapshot, returns: Returns | None, grants: Collection[Refund]) -> OrderSnapshot:
    """The order with the shares of its lines and shipping that were taken back, and the pieces that came back."""
    if returns is None and not grants:
        return order
    returns = returns or Returns()
    moved_on = _moved_on(returns, order)
    given = _Refunded.by((refund, _covered(refund, order, moved_on[pk])) for pk, refund in returns.refunds.items())
    granted = _Refunded.by((refund, _covered(refund, order)) for refund in grants)
    # The shipping's money is refunded beyond that of the goods; of a grant it may not be refunded yet.
    shipping = min(granted.shipping, WHOLE)
    all_is_back = order.is_paid_back and all(
        _named(line.line_id, returns, given, granted) >= line.quantity
        for line in order.lines
        # What points have paid for as a voucher may cost nothing by now.
        if max(line.total_gross, line.base_total) > 0
    )

    def now(line: LineSnapshot) -> LineSnapshot:
        if line.quantity <= 0:
            return line
        pieces = max(_undone(line.line_id, returns, given), granted.worth(line.line_id))
        taken_back = WHOLE if all_is_back else min(pieces / line.quantity, WHOLE)
        return replace(line, returned=min(returns.came_back[line.line_id], line.quantity), taken_back=taken_back)

    return replace(order, lines=tuple(map(now, order.lines)), shipping_taken_back=shipping)


@dataclass(frozen=True, slots=True)
class _Refunded:
    """What refunds name of an order: pieces by line id, each with the share given back for it; the shipping's share."""

    pieces: Mapping[UUID, Sequence[tuple[Fraction, int]]]
    shipping: Fraction

    @classmethod
    def by(cls, refunds: Iterable[tuple[Refund, Fraction]]) -> _Refunded:
        pieces: defaultdict[UUID, list[tuple[Fraction, int]]] = defaultdict(list)
        shipping = Fraction(0)
        for refund, covered in refunds:
            for line_id, quantity in refund.quantities.items():
                pieces[line_id].append((covered, quantity))
            shipping += covered if refund.with_shipping else 0
        return cls(pieces, shipping)

    def named(self, line_id: UUID) -> int:
        return sum(quantity for _, quantity in self.pieces.get(line_id, ()))

    def worth(self, line_id: UUID, whole: int = 0) -> Fraction:
        """In pieces. So many count whole: those that most was given back for."""
        worth = Fraction(0)
        for covered, quantity in sorted(self.pieces.get(line_id, ()), reverse=True):
            beyond = max(quantity - whole, 0)
            worth += quantity - beyond + covered * beyond
            whole -= quantity - beyond
        return worth


def _covered(refund: Refund, order: OrderSnapshot, moved_on: Fraction = Fraction(0)) -> Fraction:
    """The share of the price in money of what a refund names, or named before it moved on, that it gives back."""
    shipping = Fraction(order.shipping_gross) if refund.with_shipping else Fraction(0)
    price = _price(refund.quantities, order) + shipping * order.share_in_money + moved_on
    return min(Fraction(refund.amount) / price, WHOLE) if price > 0 else WHOLE


def _price(quantities: Mapping[UUID, int], order: OrderSnapshot) -> Fraction:
    """Of so many pieces of lines, in money."""
    price = Fraction(0)
    for line in order.lines:
        if line.quantity > 0 and (quantity := quantities.get(line.line_id, 0)):
            # Saleor reckons with the price of a piece, which is rounded: three of 25.00 come to 24.99.
            price += min(Fraction(line.total_gross) * quantity / line.quantity, Fraction(line.unit_gross * quantity))
    return price * order.share_in_money


def _moved_on(returns: Returns, order: OrderSnapshot) -> Mapping[int, Fraction]:
    """The price in money of what each refund named and came back since, by fulfillment.

    Saleor does not say of which refund it was: of one before it; of one of which nothing is left, for as much as that
    gave back; else of any, by the price of what these still name.
    """
    found: defaultdict[int, Fraction] = defaultdict(Fraction)
    left = {pk: _price(refund.quantities, order) for pk, refund in returns.refunds.items() if refund.quantities}
    emptied = {pk: _for_goods(refund, order) for pk, refund in returns.refunds.items() if not refund.quantities}
    for fulfillment_id, quantities in sorted(returns.moved_on.items()):
        price = _price(quantities, order)
        for pk in emptied:
            if pk < fulfillment_id:
                part = min(price, emptied[pk])
                emptied[pk] -= part
                price -= part
        earlier = {pk: of_goods for pk, of_goods in left.items() if pk < fulfillment_id}
        total = sum(earlier.values())
        for pk, of_goods in earlier.items():
            found[pk] += price * of_goods / total if total else 0
    return found


def _for_goods(refund: Refund, order: OrderSnapshot) -> Fraction:
    """Money that cannot have been for the shipping, which may be all that it was for."""
    return max(Fraction(refund.amount) - (Fraction(order.shipping_gross) if refund.with_shipping else 0), Fraction(0))


def _undone(line_id: UUID, returns: Returns, given: _Refunded) -> Fraction:
    """Pieces that came back or were refunded."""
    came_back = returns.came_back[line_id]
    # Came back before they were refunded. Of several refunds, a small one is rather for something that was kept.
    moved = max(returns.told[str(line_id)] - came_back, 0)
    return came_back + returns.written_off[line_id] + given.worth(line_id, whole=moved)


def _named(line_id: UUID, returns: Returns, given: _Refunded, granted: _Refunded) -> int:
    in_fulfillments = returns.came_back[line_id] + returns.written_off[line_id] + given.named(line_id)
    return max(in_fulfillments, granted.named(line_id))
