"""Brings the points on a checkout in line with what the checkout can take now.

Level-triggered like orders: whatever changed it, the same call fits the hold, its voucher or gift card and the price.
Fewer points when the checkout has shrunk, more again when it has grown, never more than the customer asked for. None
once a promotion of the order, whose place their voucher takes, would be worth as much. What was fitted to one checkout
pays on no other: buyers can read the code of the voucher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Subquery
from django.utils import timezone
from saleor.checkout.actions import call_checkout_event
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import invalidate_checkout
from saleor.plugins.manager import get_plugins_manager

from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.ingestion import carriers
from saleor_crm_plugin.ingestion.delivery import review_delivery
from saleor_crm_plugin.ingestion.order_promotions import taken_off_without_voucher
from saleor_crm_plugin.ingestion.redemption import CHECKOUT_UPDATED, awaits_order, release
from saleor_crm_plugin.ingestion.room import has_gift_cards, quote_again, room_of
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import HoldForm, HoldStatus, LoyaltyAccount, PointsHold
from saleor_crm_plugin.profiles.merging.family import heads_of_users

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager


def refit_hold(checkout_token: UUID, settings: ShopSettings) -> bool:
    """Fit the open hold of a checkout, and take points of other checkouts off it; True if that changed anything.

    An emptied checkout gives its points back, and so do one whose buyer has taken the voucher or gift card off, and one
    that has passed to another customer.
    While an order is being made of it, while it is paid, and where spending has been paused, nothing changes. Only gift
    cards in place of the goods that were paid are not for points.
    """
    if not _has_points(checkout_token):
        return False
    manager = get_plugins_manager(allow_replica=False)
    with transaction.atomic():
        checkout = carriers.lock_checkout(checkout_token)
        hold = carriers.lock_hold(checkout_token)
        if checkout is None:
            return False
        changed = carriers.take_off_foreign(checkout)
        lines, _ = fetch_checkout_lines(checkout)
        checkout_info = fetch_checkout_info(checkout, lines, manager)
        if changed:
            invalidate_checkout(checkout_info, lines, manager, recalculate_discount=True, save=True)
        terms = settings.loyalty_for(checkout.channel_id)
        if hold is not None and _fit(hold, checkout, checkout_info, lines, terms, manager):
            changed = True
            # What the checkout knew of the voucher is outdated.
            checkout_info = fetch_checkout_info(checkout, lines, manager)
            invalidate_checkout(checkout_info, lines, manager, recalculate_discount=True, save=True)
    if changed:
        review_delivery(checkout_info, lines, manager)
        call_checkout_event(manager, CHECKOUT_UPDATED, checkout)
    return changed


def _has_points(checkout_token: UUID) -> bool:
    """Whether points are set aside for the checkout, or it has the voucher of points of another one."""
    code = Checkout.objects.filter(pk=checkout_token).values("voucher_code")
    held = PointsHold.objects.filter(status=HoldStatus.HELD)
    return held.filter(Q(checkout_token=checkout_token) | Q(code=Subquery(code))).exists()


def _fit(
    hold: PointsHold,
    checkout: Checkout,
    checkout_info: Any,
    lines: Any,
    settings: LoyaltySettings,
    manager: PluginsManager,
) -> bool:
    if not carriers.is_on(hold, checkout) or _has_passed_on(hold, checkout):
        return _give_up(hold, checkout)
    # Of an emptied one there is no order to come.
    is_paid = bool(lines) and awaits_order(hold, checkout, timezone.now())
    buys_gift_cards = hold.form == HoldForm.GIFT_CARD and has_gift_cards(lines)
    if not settings.point_pays or (is_paid and not buys_gift_cards):
        return False
    if not carriers.lock(hold, checkout):
        return False
    own_cards = [hold.gift_card_id] if hold.gift_card_id is not None else []
    room = room_of(
        checkout_info, lines, HoldForm(hold.form), lambda: taken_off_without_voucher(checkout, manager), own_cards
    )
    if is_paid and hold.amount <= room.subtotal:
        return False
    with Ledger([hold.account_id], lots_of=[]) as ledger:
        wallet = ledger.wallets[hold.account_id]
        ledger.expire_due([hold.account_id])
        offer = quote_again(hold, wallet.spendable, room, settings)
        if offer.points:
            wallet.release(hold.points)
            wallet.hold(offer.points)
            ledger.settle(hold.account_id)
    if not offer.points:
        return _give_up(hold, checkout)
    if (offer.points, offer.amount) == (hold.points, hold.amount):
        return False
    hold.points, hold.amount = offer.points, offer.amount
    hold.save(update_fields=["points", "amount"])
    carriers.change_worth(hold)
    return True


def _has_passed_on(hold: PointsHold, checkout: Checkout) -> bool:
    """Whether another customer has taken the checkout over. Whoever signs out is none."""
    if checkout.user_id is None:
        return False
    own = LoyaltyAccount.objects.filter(pk=hold.account_id, profile_id__in=heads_of_users([checkout.user_id]))
    return not own.exists()


def _give_up(hold: PointsHold, checkout: Checkout) -> bool:
    if not carriers.kill(hold, checkout):
        return False
    release(hold)
    carriers.take_off(checkout)
    return True
