"""Goods that Saleor has put into fulfillments of what came back or was refunded, and the refunds that these name.

Saleor moves what came back and is refunded later to what was only refunded, and may have been kept: that is taken back,
but does not count as having come back. A refund over less than its goods cost takes them back in that proportion only,
for the customer may keep them; but not those of them that had come back, which the order's history still tells.

What was refunded and comes back later, Saleor moves away from its refund, whose amount it leaves. Where it refunds more
on the same return, that cannot be told from what it refunds for the first time, nor goods that it replaces later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from saleor.order import FulfillmentStatus, OrderEvents
from saleor.order.models import Fulfillment, OrderEvent

from saleor_crm_plugin.compiled import CompiledQuery

CAME_BACK = (FulfillmentStatus.RETURNED, FulfillmentStatus.REFUNDED_AND_RETURNED)
TAKEN_BACK = (*CAME_BACK, FulfillmentStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund for lines of an order, or its shipping. `quantities` by line id."""

    amount: Decimal
    with_shipping: bool
    quantities: dict[UUID, int]


@dataclass(frozen=True, slots=True)
class Returns:
    """What became of an order's goods, in pieces by line id.

    `came_back`: by the status of their fulfillment. `told`: by the order's history, as far as it was read, which of old
    orders names lines that have other ids by now.
    `written_off`: refunded, and Saleor does not say with how much.
    """

    came_back: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    written_off: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    told: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    # By fulfillment. Of some, all goods have come back since.
    refunds: dict[int, Refund] = field(default_factory=dict)
    # By fulfillment: what came back of refunds with lower numbers.
    moved_on: dict[int, dict[UUID, int]] = field(default_factory=dict)


@partial(CompiledQuery, "order_id")
def _goods() -> QuerySet[Any, Any]:
    rows = Fulfillment.objects.filter(status__in=TAKEN_BACK).order_by()
    return rows.values_list(
        "order_id", "lines__order_line_id", "lines__quantity", "status", "pk", "total_refund_amount",
        "shipping_refund_amount",
    )  # fmt: skip


@partial(CompiledQuery, "order_id")
def _told() -> QuerySet[Any, Any]:
    rows = OrderEvent.objects.filter(type=OrderEvents.FULFILLMENT_RETURNED).order_by()
    return rows.values_list("order_id", "parameters")


def read_returns(order_ids: Collection[UUID], alias: str) -> dict[UUID, Returns]:
    """Goods that came back or were refunded, by order. One SQL statement, or two where a refund has an amount."""
    found: defaultdict[UUID, Returns] = defaultdict(Returns)
    for order_id, line_id, quantity, status, fulfillment_id, amount, of_shipping in _goods(order_ids, alias):
        returns = found[order_id]
        goods = {} if line_id is None else {line_id: quantity}
        if status == FulfillmentStatus.REFUNDED and amount is not None:
            # Saleor says what the shipping has of an amount that it has reckoned itself.
            refund = returns.refunds.setdefault(fulfillment_id, Refund(amount, of_shipping is not None, {}))
            _add(goods, refund.quantities)
            continue
        _add(goods, returns.came_back if status in CAME_BACK else returns.written_off)
        if status == FulfillmentStatus.REFUNDED_AND_RETURNED and amount is None:
            _add(goods, returns.moved_on.setdefault(fulfillment_id, {}))
    refunded = [order_id for order_id, returns in found.items() if any(r.quantities for r in returns.refunds.values())]
    for order_id, parameters in _told(refunded, alias):
        for line in parameters.get("lines", ()):
            found[order_id].told[str(line.get("line_pk"))] += line.get("quantity", 0)
    return found


def _add(goods: Mapping[UUID, int], quantities: dict[UUID, int]) -> None:
    for line_id, quantity in goods.items():
        quantities[line_id] = quantities.get(line_id, 0) + quantity
