"""The gift card that carries spent points through Saleor's checkout into the order, beside any voucher.

One gift card for each hold, over exactly its worth. Its code is a secret that nobody is told: Saleor shows it to staff
with `MANAGE_GIFT_CARD`, to whoever the card is assigned to, and to whoever has used it. So it is assigned to nobody,
and as soon as its order is synced it is dead, empty, and used by nobody. Nothing announces it: no e-mail, no webhook.

Saleor's completion takes a card from a locked checkout without looking again whether it is active. So a card changes
only under the lock on its checkout, and never while that is being completed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from saleor.channel.models import Channel
from saleor.checkout.models import Checkout
from saleor.giftcard import GiftCardEvents
from saleor.giftcard.models import GiftCard, GiftCardTag

from saleor_crm_plugin.compat import forget_authorisations
from saleor_crm_plugin.config import RedemptionForm
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.loyalty.models import HoldStatus, PointsHold

# By which staff find these cards in the Dashboard.
TAG = "Loyalty points"
# 16 characters of 6 bits, all that the column takes. A checkout shows the last four to the buyer, which leaves 72 bits.
CODE_BYTES = 12

CLOSED: dict[str, Any] = {"is_active": False, "current_balance_amount": 0, "used_by": None, "used_by_email": None}

# A dead card is kept this long, so that a completion that has read it still finds its row.
DEAD_CARD_DAYS = 1


def create_card(amount: Decimal, currency: str, checkout: Checkout) -> int:
    """Make a card and put it on the checkout; returns its primary key."""
    card = GiftCard.objects.create(
        code=secrets.token_urlsafe(CODE_BYTES),
        currency=currency,
        initial_balance_amount=amount,
        current_balance_amount=amount,
    )
    tag, _ = GiftCardTag.objects.get_or_create(name=TAG)
    card.tags.add(tag)
    checkout.gift_cards.add(card)
    return int(card.pk)


def lock_unused(card_id: int) -> bool:
    """Lock a card's row, which Saleor's checkout completion locks too; False if an order has used it.

    An order that expired unpaid and is deleted uses nothing: Saleor gives its cards nothing back, and what it noted of
    their use names no order then. The caller holds the lock on the checkout, and has seen that it is not being
    completed.
    """
    card = GiftCard.objects.select_for_update(of=("self",)).filter(pk=card_id).first()
    if card is None or card.last_used_on is None:
        return True
    return not card.events.filter(type=GiftCardEvents.USED_IN_ORDER, order__isnull=False).exists()


def kill_card(card_id: int) -> None:
    """Make a card unusable that `lock_unused` has found unused.

    It stays on its checkout, which Saleor then refuses to complete: the buyer is told, and pays no price that they have
    not seen.
    """
    card = GiftCard.objects.filter(pk=card_id).first()
    if card is not None:
        forget_authorisations(card)
        GiftCard.objects.filter(pk=card_id).update(**CLOSED)


def change_balance(card_id: int, amount: Decimal) -> None:
    """Give a card another worth that `lock_unused` has found unused."""
    GiftCard.objects.filter(pk=card_id).update(initial_balance_amount=amount, current_balance_amount=amount)


def take_off(checkout: Checkout) -> bool:
    """Take the cards of all its holds off a checkout; False if there were none."""
    # By the cards, which holds are found by: of all holds of a checkout, dead ones too, there is no index.
    cards = Checkout.gift_cards.through.objects.filter(checkout_id=checkout.pk).values("giftcard_id")
    ours = PointsHold.objects.filter(checkout_token=checkout.token, gift_card__in=cards)
    found = list(ours.values_list("gift_card_id", flat=True))
    if found:
        checkout.gift_cards.remove(*found)
    return bool(found)


def retire(card_ids: Collection[int], using: str) -> None:
    """Close the cards that orders have used, those that carried points: what is left on them is not for sale."""
    if not card_ids:
        return
    ours = list(
        PointsHold.objects.using(using).filter(gift_card_id__in=card_ids).values_list("gift_card_id", flat=True)
    )
    if not ours:
        return
    open_cards = GiftCard.objects.using(using).filter(pk__in=ours)
    open_cards = open_cards.filter(
        Q(is_active=True) | Q(current_balance_amount__gt=0) | Q(used_by__isnull=False) | Q(used_by_email__isnull=False)
    )
    closed = open_cards.update(**CLOSED)
    if closed:
        # Whoever has read the code in the meantime and put it on another checkout.
        Checkout.gift_cards.through.objects.using(using).filter(giftcard_id__in=ours).delete()


def channels_with_full_payment() -> list[str]:
    """Slugs of the channels where points pay as a gift card and no order is made before all of it is paid."""
    terms = load_settings().loyalty.items()
    channels = [pk for pk, each in terms if each.point_pays and each.redemption_form == RedemptionForm.GIFT_CARD]
    strict = Channel.objects.filter(pk__in=channels, allow_unpaid_orders=False)
    return list(strict.order_by("slug").values_list("slug", flat=True))


def purge_dead_cards(now: datetime, limit: int) -> int:
    """Delete cards of holds that were given up long enough ago; returns how many."""
    cards = PointsHold.objects.filter(
        status=HoldStatus.RELEASED, expires_at__lt=now - timedelta(days=DEAD_CARD_DAYS), gift_card__isnull=False
    ).values("gift_card_id")
    dead = GiftCard.objects.filter(pk__in=cards, is_active=False, last_used_on__isnull=True)
    found = list(dead.order_by("pk").values_list("pk", flat=True)[:limit])
    GiftCard.objects.filter(pk__in=found).delete()
    return len(found)
