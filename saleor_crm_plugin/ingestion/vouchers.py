"""The voucher that carries spent points through Saleor's checkout into the order.

One voucher for each hold: a fixed amount off the whole order, one code, usable once, in one channel. `usage_limit` and
not `single_use`: Saleor looks a used single-use code up as inactive, and a checkout whose payment is retried would lose
its discount.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.checkout.models import Checkout
from saleor.checkout.utils import remove_voucher_from_checkout
from saleor.discount.models import Voucher, VoucherChannelListing, VoucherCode
from saleor.order.models import Order

from saleor_crm_plugin.loyalty.models import HoldStatus, PointsHold
from saleor_crm_plugin.loyalty.redemption import CODE_PREFIX

# After the prefix 24 characters of 6 bits: 144 bits, far beyond guessing.
CODE_BYTES = 18

VOUCHER_NAME = "Loyalty points"
ENTIRE_ORDER = "entire_order"
FIXED = "fixed"

# A dead voucher is kept this long, so that a completion that has read it still finds its row.
DEAD_VOUCHER_DAYS = 1


def long_expired() -> datetime:
    """For prices that must be reckoned anew, also where another machine's clock is behind."""
    return timezone.now() - timedelta(days=1)


def new_code() -> str:
    return CODE_PREFIX + secrets.token_urlsafe(CODE_BYTES)


def create_voucher(code: str, amount: Decimal, currency: str, channel: Channel, now: datetime) -> None:
    """Make a code that is worth `amount` in a channel."""
    voucher = Voucher.objects.create(
        type=ENTIRE_ORDER,
        name=VOUCHER_NAME,
        discount_value_type=FIXED,
        usage_limit=1,
        start_date=now,
    )
    VoucherChannelListing.objects.create(voucher=voucher, channel=channel, discount_value=amount, currency=currency)
    VoucherCode.objects.create(voucher=voucher, code=code)


def lock_unused(code: str, locked: Collection[Checkout]) -> bool:
    """Lock a code's row, which Saleor's checkout completion locks too; False if an order is using or has used it.

    A row that is locked counts as in use and is not waited for: Saleor 3.21 locks it before it waits for the checkout.

    Args:
        locked: the checkouts that the caller has locked.
    """
    rows = VoucherCode.objects.filter(code=code)
    row = rows.select_for_update(skip_locked=True).first()
    if row is None:
        return not rows.exists()
    return row.used == 0 or _take_use_back(row, locked)


def _take_use_back(row: VoucherCode, locked: Collection[Checkout]) -> bool:
    """Let a code be unused again that only a completion which failed has counted as used; False if it is in use.

    Saleor does not always do so: not where a payment is declined, and not where its own correction is rolled back with
    the order. Nobody could put the points or the reward anywhere else, and no time-out would free them. Should the
    completion still be under way, after longer than Saleor itself allows, its order carries the code and is debited.
    """
    counted = Checkout.objects.filter(voucher_code=row.code, is_voucher_usage_increased=True)
    others = counted.exclude(pk__in=[checkout.pk for checkout in locked])
    if (
        any(checkout.is_checkout_locked() for checkout in locked)
        or others.exists()
        or Order.objects.filter(voucher_code=row.code).exists()
    ):
        return False
    counted.update(is_voucher_usage_increased=False)
    for checkout in locked:
        if checkout.voucher_code == row.code:
            checkout.is_voucher_usage_increased = False
    VoucherCode.objects.filter(pk=row.pk).update(used=0)
    return True


def change_amount(code: str, amount: Decimal) -> None:
    """Give a code another worth that `lock_unused` has found unused."""
    listings = VoucherChannelListing.objects.filter(voucher__codes__code=code)
    listings.update(discount_value=amount)


def withdraw_code(code: str) -> bool:
    """Make an unused code unusable and take it off the checkouts that carry it.

    False if an order is using or has used it, or one of the checkouts is being completed.

    Saleor keeps the prices of a checkout for a while, and its completion reads the discount first and locks checkout
    and code later: with a code that is merely dead, an order would keep the discount and forget the code. Without the
    code on the checkout, and with prices and discounts that have expired, it reckons anew, and a promotion of the
    order is back. It locks a checkout before a code, and 3.21 a code before its checkout, so neither is waited for.
    """
    holders = Checkout.objects.filter(voucher_code=code)
    locked = _lock_free(holders)
    if len(locked) < holders.count() or not lock_unused(code, locked):
        return False
    VoucherCode.objects.filter(code=code).update(is_active=False)
    _take_off(locked)
    return True


def retire(codes: Collection[str], using: str) -> None:
    """Make the codes that orders carry unusable, those that carried points. No statement without such a code.

    Saleor takes its use of a code back when an order expires unpaid. The points are the customer's again then, and a
    code that is as good as new would be worth them once more. The caller holds the locks on the holds.
    """
    if not (candidates := [code for code in codes if code.startswith(CODE_PREFIX)]):
        return
    ours = PointsHold.objects.using(using).filter(code__in=candidates).values("code")
    live = VoucherCode.objects.using(using).filter(code__in=ours, is_active=True)
    if found := list(live.values_list("code", flat=True)):
        switch_off(found, using)


def switch_off(codes: Collection[str], using: str) -> None:
    """Make codes unusable that orders carry, and take them off the other checkouts that somebody has put them on."""
    # Before the checkouts: who completes one on Saleor 3.21 has locked the code.
    VoucherCode.objects.using(using).filter(code__in=codes).update(is_active=False)
    # One that is being completed is refused for its use, or its order is seen to carry it.
    locked = _lock_free(Checkout.objects.using(using).filter(voucher_code__in=codes))
    _take_off(locked)


def _lock_free(checkouts: QuerySet[Checkout]) -> list[Checkout]:
    """Lock those that nobody else has locked."""
    return list(checkouts.select_for_update(of=("self",), skip_locked=True))


def _take_off(locked: Collection[Checkout]) -> None:
    for checkout in locked:
        remove_voucher_from_checkout(checkout)
    expired = long_expired()
    Checkout.objects.filter(pk__in=[checkout.pk for checkout in locked]).update(
        price_expiration=expired, discount_expiration=expired
    )


def purge_dead_vouchers(now: datetime, limit: int) -> int:
    """Delete vouchers of holds that were given up long enough ago; returns how many."""
    codes = PointsHold.objects.filter(
        status=HoldStatus.RELEASED, expires_at__lt=now - timedelta(days=DEAD_VOUCHER_DAYS), code__isnull=False
    ).values("code")
    return delete_dead(codes, limit)


def delete_dead(codes: QuerySet[Any, Any], limit: int) -> int:
    """Delete vouchers, with one code each, whose codes are among `codes`, dead and unused; returns how many."""
    dead = VoucherCode.objects.filter(code__in=codes, used=0, is_active=False)
    vouchers = list(dead.order_by("created_at").values_list("voucher_id", flat=True)[:limit])
    Voucher.objects.filter(pk__in=vouchers).delete()
    return len(vouchers)
