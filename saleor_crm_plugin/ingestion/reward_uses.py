"""Which rewards orders have used: a voucher's code stands in the order, a gift card's use is an event of the card."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef
from saleor.discount.models import VoucherCode
from saleor.giftcard import GiftCardEvents
from saleor.giftcard.models import GiftCardEvent
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.reward_carriers import CODE_PREFIX
from saleor_crm_plugin.ingestion.snapshots import CANCELLED, OrderSnapshot
from saleor_crm_plugin.loyalty.rewards import redeeming
from saleor_crm_plugin.loyalty.rewards.models import RedemptionStatus, RewardRedemption
from saleor_crm_plugin.loyalty.rewards.redeeming import CodeUse


def note_used(orders: Iterable[OrderSnapshot], now: datetime, using: str) -> None:
    """Mark the rewards whose codes these orders carry. The caller has a transaction."""
    # An order that counts comes before one that came to nothing.
    ordered = sorted(orders, key=lambda order: (order.is_cancelled, order.placed_at))
    with_voucher = [order for order in ordered if order.voucher_code]
    paid_by_card = [order for order in ordered if any(paid > 0 for paid in order.paid_by_card.values())]
    revived = _usable_again({order.voucher_code for order in with_voucher if order.is_cancelled}, using)
    cards = _gift_cards([order.order_id for order in paid_by_card], using)
    counting = [order.voucher_code for order in with_voucher if not order.is_cancelled]
    left = _left_by_closed_orders(counting, using)
    uses: dict[str, CodeUse] = {}
    for order in with_voucher:
        code, off = order.voucher_code, order.voucher_amount
        is_revived = order.is_cancelled and code in revived
        takes_over = not order.is_cancelled and code in left
        uses.setdefault(code, CodeUse(order.order_id, order.is_cancelled, is_revived, off is None, takes_over))
    for order in paid_by_card:
        for code in cards.get(order.order_id, ()):
            uses.setdefault(code, CodeUse(order.order_id, order.is_cancelled))
    redeeming.note_used(uses, now, using)
    _count(counting, using)


def _count(codes: Collection[str], using: str) -> None:
    """Let codes of rewards that orders carry count as used. No statement without such a code.

    Saleor counts one use for each checkout, whatever code it had then: after a completion that failed with another one,
    this one is used and does not look so.
    """
    rewards = [code for code in codes if code.startswith(CODE_PREFIX)]
    if rewards:
        ours = RewardRedemption.objects.using(using).filter(code__in=rewards).values("code")
        VoucherCode.objects.using(using).filter(code__in=ours, used=0, is_active=True).update(used=1)


def _usable_again(codes: Collection[str], using: str) -> set[str]:
    """Those of the codes that Saleor has taken the use back of: it does when an order expires unpaid."""
    if not codes:
        return set()
    rows = VoucherCode.objects.using(using).filter(code__in=codes, used=0, is_active=True)
    return set(rows.values_list("code", flat=True))


def _left_by_closed_orders(codes: Collection[str], using: str) -> set[str]:
    """Those of the codes that rewards have been used with by orders that are closed or gone. None without such a code.

    Saleor lets a code be used again when its order expires, and another order may be seen before that is.
    """
    rewards = [code for code in codes if code.startswith(CODE_PREFIX)]
    if not rewards:
        return set()
    open_orders = Order.objects.using(using).filter(pk=OuterRef("order_id")).exclude(status__in=CANCELLED)
    used = RewardRedemption.objects.using(using).filter(code__in=rewards, status=RedemptionStatus.USED)
    return set(used.exclude(Exists(open_orders)).values_list("code", flat=True))


def _gift_cards(order_ids: Collection[UUID], using: str) -> dict[UUID, list[str]]:
    """Codes of the gift cards that paid, by order."""
    if not order_ids:
        return {}
    rows = GiftCardEvent.objects.using(using).filter(order_id__in=order_ids, type=GiftCardEvents.USED_IN_ORDER)
    codes: dict[UUID, list[str]] = {}
    for order_id, code in rows.order_by("pk").values_list("order_id", "gift_card__code"):
        codes.setdefault(order_id, []).append(code)
    return codes
