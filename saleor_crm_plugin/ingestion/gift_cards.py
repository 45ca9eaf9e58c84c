"""What gift cards paid of an order.

Each use of a gift card on an order is an event with the balance before and after. That holds for cards that Saleor
takes off the total when the checkout is completed, and, from 3.23, for those that pay through a transaction when it is
charged. Money that goes back to a card is a refund of that transaction, and counted as one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from saleor.giftcard import GiftCardEvents
from saleor.giftcard.models import GiftCardEvent
from saleor.payment.models import TransactionItem

from saleor_crm_plugin.compiled import CompiledQuery

NOTHING = Decimal(0)


@partial(CompiledQuery, "order_id")
def _uses() -> QuerySet[Any, Any]:
    uses = GiftCardEvent.objects.filter(type=GiftCardEvents.USED_IN_ORDER).order_by()
    return uses.values_list("order_id", "gift_card_id", "parameters")


def read_gift_cards(order_ids: Collection[UUID], alias: str) -> dict[UUID, dict[int, Decimal]]:
    """What each gift card paid, by order and card, in the order's currency. One SQL statement."""
    paid: dict[UUID, dict[int, Decimal]] = {}
    for order_id, card_id, parameters in _uses(order_ids, alias):
        by_card = paid.setdefault(order_id, {})
        by_card[card_id] = by_card.get(card_id, NOTHING) + _used(parameters.get("balance") or {})
    return paid


def read_charged_cards(order_ids: Collection[UUID], alias: str) -> dict[UUID, frozenset[int]]:
    """The gift cards of the orders' transactions: what these pay does not lower the total. None before 3.23.

    Whatever was charged so far: Saleor notes the use of a card before its charge. One statement, or none.
    """
    if not order_ids or not any(field.name == "gift_card" for field in TransactionItem._meta.get_fields()):
        return {}
    rows = TransactionItem.objects.using(alias).filter(order_id__in=order_ids, gift_card__isnull=False)
    cards: dict[UUID, frozenset[int]] = {}
    for order_id, card_id in rows.values_list("order_id", "gift_card_id"):
        cards[order_id] = cards.get(order_id, frozenset()) | {card_id}
    return cards


def _used(balance: Mapping[str, Any]) -> Decimal:
    """Amounts are strings or numbers, as the JSON encoder of the version had it. One without a balance paid nothing."""
    try:
        used = Decimal(str(balance["old_current_balance"])) - Decimal(str(balance["current_balance"]))
    except (KeyError, InvalidOperation):
        return NOTHING
    return max(used, NOTHING)
