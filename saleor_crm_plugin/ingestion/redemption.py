"""Spending points in Saleor's checkout: hold, voucher, checkout - all or nothing.

Locks are always taken in this order, so that two requests, a completion and a time-out cannot wait for each other in a
circle: checkout, hold, voucher code, account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from saleor.checkout import base_calculations
from saleor.checkout.actions import call_checkout_event
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import add_voucher_code_to_checkout, invalidate_checkout, remove_voucher_from_checkout
from saleor.core.prices import quantize_price

from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion import vouchers
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.ledger import MAX_POINTS, Ledger
from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold
from saleor_crm_plugin.loyalty.redemption import Limit, Quote, quote

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager

RELEASE_BATCH_SIZE = 500
CHECKOUT_UPDATED = "checkout_updated"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was put on a checkout. `limit` says why it is less than asked for, None if it is not less."""

    checkout: Checkout
    points: int
    amount: Decimal
    currency: str
    limit: Limit | None = None


def apply_points(
    checkout_token: UUID, user_id: int, points: int, *, manager: PluginsManager, now: datetime | None = None
) -> Applied:
    """Hold points of the user's account and put their worth on the user's own checkout as a voucher.

    Repeated calls replace what was applied before. The caller has authenticated the user.

    Raises:
        RedemptionError: `NOT_FOUND` (no such checkout of this user), `INVALID` (points out of range),
            `LOYALTY_DISABLED`, `CHECKOUT_EMPTY`, `VOUCHER_ALREADY_APPLIED`, `INSUFFICIENT_POINTS`,
            `BELOW_MINIMUM`, `NOT_APPLICABLE`. Nothing has been changed then.
    """
    if not 0 < points <= MAX_POINTS:
        raise RedemptionError(f"Give a number of points from 1 to {MAX_POINTS}.", "INVALID", "points")
    now = now or timezone.now()
    with transaction.atomic():
        checkout = _lock_own_checkout(checkout_token, user_id)
        settings = load_settings().loyalty_for(checkout.channel_id)
        if not settings.point_value:
            raise RedemptionError("Points cannot be spent in this channel.", "LOYALTY_DISABLED", "checkoutId")
        held = _lock_hold(checkout)
        if checkout.voucher_code and not _is_ours(checkout.voucher_code, checkout.token):
            raise RedemptionError(
                "Another voucher is on this checkout. Remove it first.", "VOUCHER_ALREADY_APPLIED", "checkoutId"
            )
        account = _account_of(user_id)
        if account is None:
            raise RedemptionError("You have no points yet.", "INSUFFICIENT_POINTS", "points")
        if held is not None:
            _kill(held)
        lines, _ = fetch_checkout_lines(checkout)
        subtotal = subtotal_of(checkout, lines)
        if subtotal <= 0:
            raise RedemptionError("The checkout is empty.", "CHECKOUT_EMPTY", "checkoutId")
        with Ledger([account.pk], lots_of=[], now=now) as ledger:
            wallet = ledger.wallets[account.pk]
            if held is not None:
                wallet.release(held.points)
                _close(held)
            offer = _offer(points, wallet.spendable, subtotal, settings, checkout.currency)
            wallet.hold(offer.points)
        hold = PointsHold.objects.create(
            account_id=account.pk,
            checkout_token=checkout.token,
            points=offer.points,
            amount=offer.amount,
            currency=checkout.currency,
            code=vouchers.new_code(),
            created_at=now,
            expires_at=now + timedelta(minutes=settings.hold_minutes),
        )
        vouchers.create_voucher(hold, checkout.channel)
        _put_on_checkout(checkout, lines, hold.code, manager)
    call_checkout_event(manager, CHECKOUT_UPDATED, checkout)
    return Applied(checkout, offer.points, offer.amount, checkout.currency, offer.limit)


def remove_points(checkout_token: UUID, user_id: int, *, manager: PluginsManager) -> Applied:
    """Take points off the user's own checkout and give them back to the account. Without any, changes nothing.

    Raises:
        RedemptionError: `NOT_FOUND`, or `NOT_APPLICABLE` while the checkout is being completed.
    """
    with transaction.atomic():
        checkout = _lock_own_checkout(checkout_token, user_id)
        held = _lock_hold(checkout)
        if held is not None:
            _kill(held)
            _release(held)
        changed = bool(checkout.voucher_code) and _is_ours(checkout.voucher_code, checkout.token)
        if changed:
            remove_voucher_from_checkout(checkout)
            lines, _ = fetch_checkout_lines(checkout)
            checkout_info = fetch_checkout_info(checkout, lines, manager)
            invalidate_checkout(checkout_info, lines, manager, recalculate_discount=False, save=True)
    if changed:
        call_checkout_event(manager, CHECKOUT_UPDATED, checkout)
    return Applied(checkout, 0, Decimal(0), checkout.currency)


def release_timed_out_holds(now: datetime | None = None) -> int:
    """Give back points of checkouts that took too long: first the code dies, then the points are free.

    A code that an order is using, or has used, is left: the order's sync commits the hold. Returns how many were
    released.
    """
    now = now or timezone.now()
    due = PointsHold.objects.filter(status=HoldStatus.HELD, expires_at__lte=now).order_by("expires_at", "pk")
    released = 0
    for hold_id in due.values_list("pk", flat=True)[:RELEASE_BATCH_SIZE]:
        with transaction.atomic():
            hold = PointsHold.objects.select_for_update().filter(pk=hold_id, status=HoldStatus.HELD).first()
            if hold is None or not vouchers.kill_code(hold.code):
                continue
            _release(hold)
            released += 1
    vouchers.purge_dead_vouchers(now, RELEASE_BATCH_SIZE)
    return released


def subtotal_of(checkout: Checkout, lines: Sequence[Any]) -> Decimal:
    """Price of the lines that an order-wide voucher is taken off."""
    money = base_calculations.base_checkout_subtotal(
        list(lines), checkout.channel, checkout.currency, include_voucher=False
    )
    return money.amount


def places_of(currency: str) -> int:
    """Decimal places of a currency."""
    exponent = quantize_price(Decimal(1), currency).as_tuple().exponent
    return -int(exponent)


def _offer(points: int, spendable: int, subtotal: Decimal, settings: LoyaltySettings, currency: str) -> Quote:
    if spendable <= 0:
        raise RedemptionError("You have no points to spend.", "INSUFFICIENT_POINTS", "points")
    offer = quote(points, spendable, subtotal, settings, places_of(currency))
    if offer.points < settings.minimum_points_to_spend:
        if offer.limit == Limit.BALANCE:
            raise RedemptionError(
                f"You can spend {spendable} points; at least {settings.minimum_points_to_spend} are needed.",
                "INSUFFICIENT_POINTS",
                "points",
            )
        raise RedemptionError(
            f"Only {offer.points} points fit; at least {settings.minimum_points_to_spend} must be spent at once.",
            "BELOW_MINIMUM",
            "points",
        )
    return offer


def _lock_own_checkout(token: UUID, user_id: int) -> Checkout:
    # A foreign checkout gets the same answer as one that does not exist.
    checkout = (
        Checkout.objects.select_for_update(of=("self",))
        .filter(pk=token, user_id=user_id)
        .select_related("channel")
        .first()
    )
    if checkout is None:
        raise RedemptionError("You have no such checkout.", "NOT_FOUND", "checkoutId")
    return checkout


def _lock_hold(checkout: Checkout) -> PointsHold | None:
    return PointsHold.objects.select_for_update().filter(checkout_token=checkout.token, status=HoldStatus.HELD).first()


def _is_ours(code: str, checkout_token: UUID) -> bool:
    return PointsHold.objects.filter(code=code, checkout_token=checkout_token).exists()


def _account_of(user_id: int) -> LoyaltyAccount | None:
    return LoyaltyAccount.objects.filter(
        profile__user_id=user_id, program_id=default_program_id(), closed_at__isnull=True
    ).first()


def _kill(hold: PointsHold) -> None:
    if not vouchers.kill_code(hold.code):
        raise RedemptionError("This checkout is being completed.", "NOT_APPLICABLE", "checkoutId")


def _release(hold: PointsHold) -> None:
    """The code is dead: the points are the account's again."""
    with Ledger([hold.account_id], lots_of=[]) as ledger:
        ledger.wallets[hold.account_id].release(hold.points)
    _close(hold)


def _close(hold: PointsHold) -> None:
    hold.status = HoldStatus.RELEASED
    hold.save(update_fields=["status"])


def _put_on_checkout(checkout: Checkout, lines: Sequence[Any], code: str, manager: PluginsManager) -> None:
    checkout_info = fetch_checkout_info(checkout, lines, manager)
    try:
        add_voucher_code_to_checkout(manager, checkout_info, lines, code)
    except ValidationError as error:
        raise RedemptionError("; ".join(error.messages), "NOT_APPLICABLE", "checkoutId") from error
    invalidate_checkout(checkout_info, lines, manager, recalculate_discount=False, save=True)
