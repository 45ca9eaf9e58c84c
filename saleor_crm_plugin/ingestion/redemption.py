"""Spending points in Saleor's checkout: hold, voucher or gift card, checkout - all or nothing.

Locks are always taken in this order, so that two requests, a completion and a time-out cannot wait for each other in a
circle: checkout, hold, voucher code or gift card, account. But Saleor 3.21 locks a voucher code before its checkout:
nobody here who has locked a checkout waits for a code.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from saleor.checkout import CheckoutAuthorizeStatus
from saleor.checkout.actions import call_checkout_event
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import invalidate_checkout
from saleor.payment import ChargeStatus, TransactionEventType
from saleor.payment.models import TransactionEvent

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.exceptions import LedgerError, RedemptionError
from saleor_crm_plugin.ingestion import carriers, points_cards, vouchers
from saleor_crm_plugin.ingestion.delivery import review_delivery, review_delivery_of
from saleor_crm_plugin.ingestion.order_promotions import taken_off_without_voucher
from saleor_crm_plugin.ingestion.room import FORM_OF, offer_for, room_of
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import HoldForm, HoldStatus, LoyaltyAccount, PointsHold
from saleor_crm_plugin.loyalty.ownership import again_if_passed_on, check_owner
from saleor_crm_plugin.loyalty.redemption import Limit
from saleor_crm_plugin.loyalty.wallet import MAX_POINTS
from saleor_crm_plugin.profiles.merging.family import heads_of_users

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager

logger = logging.getLogger(__name__)

RELEASE_BATCH_SIZE = 500
CHECKOUT_UPDATED = "checkout_updated"
# How much longer than their time points stay on a checkout that is paid. Where the channel says so, Saleor completes it
# half an hour after the payment, or gives the money back after six hours. Else the buyer and staff have this long.
LONGEST_WHILE_PAID = timedelta(days=7)
# How long a buyer is given to confirm a payment, at the bank or the wallet. Saleor knows of no money until they have.
PAYMENT_TAKES = timedelta(minutes=30)
# However often it is begun anew, and whatever time the payment's app gives its events.
LONGEST_WHILE_PAYING = timedelta(hours=2)
# Also when the money has come: Saleor reckons with it a moment later.
PAYING = (
    TransactionEventType.AUTHORIZATION_REQUEST,
    TransactionEventType.AUTHORIZATION_ACTION_REQUIRED,
    TransactionEventType.AUTHORIZATION_SUCCESS,
    TransactionEventType.CHARGE_REQUEST,
    TransactionEventType.CHARGE_ACTION_REQUIRED,
    TransactionEventType.CHARGE_SUCCESS,
)
WITH_MONEY = (
    Q(authorized_value__gt=0)
    | Q(authorize_pending_value__gt=0)
    | Q(charged_value__gt=0)
    | Q(charge_pending_value__gt=0)
)
CHARGED = (ChargeStatus.PENDING, ChargeStatus.PARTIALLY_CHARGED, ChargeStatus.FULLY_CHARGED)


@dataclass(frozen=True, slots=True)
class Applied:
    """What was put on a checkout.

    Attributes:
        limit: why it is less than asked for; None: it is not less.
        replaced: what a promotion of the order took off before, in `currency`; a voucher is in its place.
    """

    checkout: Checkout
    points: int
    amount: Decimal
    currency: str
    limit: Limit | None = None
    replaced: Decimal = Decimal(0)


@again_if_passed_on
def apply_points(
    checkout_token: UUID, user_id: int, points: int, *, manager: PluginsManager, now: datetime | None = None
) -> Applied:
    """Hold points of the user's account and put their worth on the user's own checkout, in the form of the channel.

    Repeated calls replace what was applied before. The caller has authenticated the user.

    Raises:
        RedemptionError: `NOT_FOUND` (no such checkout of this user), `INVALID` (points out of range),
            `LOYALTY_DISABLED`, `CHECKOUT_EMPTY`, `VOUCHER_ALREADY_APPLIED`, `PROMOTION_WORTH_MORE`,
            `INSUFFICIENT_POINTS`, `BELOW_MINIMUM`, `NOT_APPLICABLE`. Nothing has been changed then.
        AccountPassedOnError: the user was merged and separated in the same moment.
    """
    if not 0 < points <= MAX_POINTS:
        raise RedemptionError(f"Give a number of points from 1 to {MAX_POINTS}.", "INVALID", "points")
    now = now or timezone.now()
    with transaction.atomic():
        checkout = _lock_own_checkout(checkout_token, user_id)
        settings = load_settings().loyalty_for(checkout.channel_id)
        if not settings.point_pays:
            raise RedemptionError("Points cannot be spent in this channel.", "LOYALTY_DISABLED", "checkoutId")
        form = FORM_OF[settings.redemption_form]
        held = carriers.lock_hold(checkout.token)
        if form == HoldForm.VOUCHER and checkout.voucher_code:
            _refuse_other_voucher(checkout.voucher_code, checkout)
        account = _account_of(user_id)
        if account is None:
            raise _no_points()
        if held is not None:
            _kill(held, checkout)
        carriers.take_off(checkout)
        lines, _ = fetch_checkout_lines(checkout)
        checkout_info = fetch_checkout_info(checkout, lines, manager)
        room = room_of(checkout_info, lines, form, lambda: taken_off_without_voucher(checkout, manager))
        # A checkout that has passed to somebody else still holds the points of whoever had it.
        affected = {account.pk} if held is None else {account.pk, held.account_id}
        with Ledger(affected, lots_of=[], now=now) as ledger:
            check_owner(account.pk, user_id, "default")
            if ledger.accounts[account.pk].closed_at is not None:
                # By an erasure, since it was looked up.
                raise _no_points()
            wallet = ledger.wallets[account.pk]
            if held is not None:
                ledger.release(held.account_id, held.points)
                _close(held)
            # Once a checkout holds them, the job leaves them alone.
            ledger.expire_due([account.pk])
            offer = offer_for(points, wallet.spendable, room, settings, checkout.currency)
            wallet.hold(offer.points)
        hold = PointsHold.objects.create(
            account_id=account.pk,
            checkout_token=checkout.token,
            requested=points,
            points=offer.points,
            amount=offer.amount,
            currency=checkout.currency,
            created_at=now,
            expires_at=now + timedelta(minutes=settings.hold_minutes),
            **carriers.create(form, offer.amount, checkout, now),
        )
        checkout_info = carriers.put_on(hold, checkout, lines, manager)
        invalidate_checkout(checkout_info, lines, manager, recalculate_discount=False, save=True)
    review_delivery(checkout_info, lines, manager)
    call_checkout_event(manager, CHECKOUT_UPDATED, checkout)
    return Applied(checkout, offer.points, offer.amount, checkout.currency, offer.limit, room.replaced)


def remove_points(checkout_token: UUID, user_id: int, *, manager: PluginsManager) -> Applied:
    """Take points off the user's own checkout and give them back to the account. Without any, changes nothing.

    Raises:
        RedemptionError: `NOT_FOUND`, or `NOT_APPLICABLE` while the checkout is being completed.
    """
    with transaction.atomic():
        checkout = _lock_own_checkout(checkout_token, user_id)
        held = carriers.lock_hold(checkout.token)
        if held is not None:
            _kill(held, checkout)
            release(held)
        changed = carriers.take_off(checkout)
        if changed:
            lines, _ = fetch_checkout_lines(checkout)
            checkout_info = fetch_checkout_info(checkout, lines, manager)
            invalidate_checkout(checkout_info, lines, manager, recalculate_discount=False, save=True)
    if changed:
        review_delivery(checkout_info, lines, manager)
        call_checkout_event(manager, CHECKOUT_UPDATED, checkout)
    return Applied(checkout, 0, Decimal(0), checkout.currency)


def release_timed_out_holds(now: datetime | None = None) -> int:
    """Give back points of checkouts that took too long: first the carrier dies, then the points are free.

    One that an order is using, or has used, is left: the order's sync commits the hold. So is, for
    `LONGEST_WHILE_PAID`, that of a checkout that is paid: its order is to come. While a payment is under way, so is the
    money. Returns how many were released.
    """
    now = now or timezone.now()
    # First, so that also what is released late is dead for a while before it is gone.
    vouchers.purge_dead_vouchers(now, RELEASE_BATCH_SIZE)
    points_cards.purge_dead_cards(now, RELEASE_BATCH_SIZE)
    due = PointsHold.objects.filter(status=HoldStatus.HELD, expires_at__lte=now)
    # Batches go on behind those that stay: what orders are using must not keep the others from being released.
    batches = key_batches(due, RELEASE_BATCH_SIZE)
    return sum(_release_timed_out(hold_id, now) for batch in batches for hold_id in batch)


def _release_timed_out(hold_id: UUID, now: datetime) -> bool:
    """Release one hold; False if it stays. One that cannot be released is logged, and keeps no other from it."""
    try:
        with transaction.atomic():
            token = PointsHold.objects.filter(pk=hold_id).values_list("checkout_token", flat=True).first()
            checkout = carriers.lock_checkout(token)
            hold = PointsHold.objects.select_for_update().filter(pk=hold_id, status=HoldStatus.HELD).first()
            if hold is None or _stays(hold, checkout, now):
                return False
            is_dearer_without = hold.code is not None and checkout is not None and carriers.is_on(hold, checkout)
            if not carriers.kill(hold, checkout):
                return False
            release(hold)
    except (IntegrityError, LedgerError) as error:
        logger.error("Points that a checkout holds cannot be released (hold %s).", hold_id, exc_info=told(error))
        return False
    if checkout is not None and is_dearer_without:
        review_delivery_of(checkout.pk)
    return True


def _stays(hold: PointsHold, checkout: Checkout | None, now: datetime) -> bool:
    # A checkout that is paid without the points will not spend them.
    if checkout is None or not carriers.is_on(hold, checkout):
        return False
    return awaits_order(hold, checkout, now) or _is_being_paid(hold, checkout, now)


def awaits_order(hold: PointsHold, checkout: Checkout | None, now: datetime) -> bool:
    """Whether the checkout is paid: were it dearer now, the buyer would have paid and get no order.

    Saleor calls a checkout over nothing covered, too, so there must be money. A gateway of the older kind pays within
    the completion; what it has charged without an order, Saleor gives back.
    """
    if checkout is None or now >= hold.expires_at + LONGEST_WHILE_PAID:
        return False
    if checkout.authorize_status == CheckoutAuthorizeStatus.FULL:
        return checkout.payment_transactions.filter(WITH_MONEY).exists()
    return checkout.payments.filter(is_active=True, charge_status__in=CHARGED).exists()


def _is_being_paid(hold: PointsHold, checkout: Checkout, now: datetime) -> bool:
    """Whether the price may be what somebody is paying right now: the charge would come, and pay for no order any more.

    Not once the last word about each payment is that it failed, was cancelled or goes back.
    """
    if now >= hold.expires_at + LONGEST_WHILE_PAYING:
        return False
    events = TransactionEvent.objects.filter(transaction__checkout=checkout, created_at__gt=now - PAYMENT_TAKES)
    said = events.exclude(type=TransactionEventType.INFO).order_by("pk").values_list("transaction_id", "type")
    return any(last in PAYING for last in dict(said).values())


def release(hold: PointsHold) -> None:
    """The carrier is dead: the points are the account's again, but for those past their time."""
    with Ledger([hold.account_id], lots_of=[]) as ledger:
        ledger.release(hold.account_id, hold.points)
    _close(hold)


def _lock_own_checkout(token: UUID, user_id: int) -> Checkout:
    # A foreign checkout gets the same answer as one that does not exist.
    checkout = carriers.lock_checkout(token, user_id=user_id)
    if checkout is None:
        raise RedemptionError("You have no such checkout.", "NOT_FOUND", "checkoutId")
    return checkout


def _refuse_other_voucher(code: str, checkout: Checkout) -> None:
    if not carriers.is_of_points(code, checkout):
        raise RedemptionError(
            "Another voucher is on this checkout. Remove it first.", "VOUCHER_ALREADY_APPLIED", "checkoutId"
        )


def _no_points() -> RedemptionError:
    return RedemptionError("You have no points yet.", "INSUFFICIENT_POINTS", "points")


def _account_of(user_id: int) -> LoyaltyAccount | None:
    return LoyaltyAccount.objects.filter(
        profile_id__in=heads_of_users([user_id]), program_id=default_program_id(), closed_at__isnull=True
    ).first()


def _kill(hold: PointsHold, checkout: Checkout) -> None:
    if not carriers.kill(hold, checkout):
        raise RedemptionError("This checkout is being completed.", "NOT_APPLICABLE", "checkoutId")


def _close(hold: PointsHold) -> None:
    hold.status = HoldStatus.RELEASED
    hold.save(update_fields=["status"])
