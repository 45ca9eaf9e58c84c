"""What carries a reward through Saleor's checkout: a voucher with one code for one use, or a gift card.

Saleor can tie a gift card to a customer from 3.23 on, and a voucher never: so a code is long, random, and shown to
nobody but its owner and staff. The name of a voucher is the reward's, which the buyer reads beside the discount.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.checkout.models import Checkout
from saleor.discount import DiscountValueType, VoucherType
from saleor.discount.models import Voucher, VoucherChannelListing, VoucherCode
from saleor.giftcard import GiftCardEvents
from saleor.giftcard.models import GiftCard, GiftCardEvent

from saleor_crm_plugin.compat import forget_authorisations, gift_card_of
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion import vouchers
from saleor_crm_plugin.ingestion.reward_restrictions import restrict
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.rewards.models import RedemptionStatus, RewardRedemption

CODE_PREFIX = "LR-"
# Saleor holds 16 characters of a gift card's code: 80 bits of these 32, of which none looks like another.
GIFT_CARD_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GIFT_CARD_CODE_LENGTH = 16
ALL_OF_IT = Decimal(100)


def new_code(kind: RewardKind) -> str:
    if kind == RewardKind.GIFT_CARD:
        return "".join(secrets.choice(GIFT_CARD_ALPHABET) for _ in range(GIFT_CARD_CODE_LENGTH))
    return CODE_PREFIX + secrets.token_urlsafe(vouchers.CODE_BYTES)


def make_carrier(redemption: RewardRedemption, user: User, channel: Channel) -> None:
    """Make the code of a new redemption usable by the customer in the channel."""
    if redemption.kind == RewardKind.GIFT_CARD:
        _make_gift_card(redemption, user)
    else:
        _make_voucher(redemption, channel)


def kill_carrier(redemption: RewardRedemption, *, for_points: bool) -> None:
    """Make the code unusable, under the lock of its row. To be called inside a transaction.

    Args:
        for_points: the points come back, so a gift card must still be worth what they bought.

    Raises:
        LoyaltyInputError: `ALREADY_USED`: an order has used the code, or is using it, or the card is worth less.
            Nothing has been changed.
    """
    killed = (
        _kill_gift_card(redemption.code, redemption.amount if for_points else None)
        if redemption.kind == RewardKind.GIFT_CARD
        else vouchers.withdraw_code(redemption.code)
    )
    if not killed:
        raise LoyaltyInputError("It has been used, or is being used.", "ALREADY_USED", "redemptionId")


def purge_dead_vouchers(now: datetime, limit: int) -> int:
    """Delete vouchers of rewards that were given back or ran out long enough ago, unused; returns how many."""
    long_ago = now - timedelta(days=vouchers.DEAD_VOUCHER_DAYS)
    over = RewardRedemption.objects.exclude(kind=RewardKind.GIFT_CARD.value)
    returned = over.filter(status=RedemptionStatus.RETURNED, returned_at__lt=long_ago)
    expired = over.filter(status=RedemptionStatus.EXPIRED, expires_at__lt=long_ago)
    return vouchers.delete_dead(returned.union(expired).values("code"), limit)


def _make_voucher(redemption: RewardRedemption, channel: Channel) -> None:
    discount = redemption.amount or redemption.percentage or ALL_OF_IT
    in_money = redemption.kind == RewardKind.VOUCHER_FIXED
    voucher = Voucher.objects.create(
        type=_voucher_type(redemption),
        name=redemption.name,
        discount_value_type=DiscountValueType.FIXED if in_money else DiscountValueType.PERCENTAGE,
        # Not `single_use`: see `vouchers`.
        usage_limit=1,
        # One piece of the product, however many are in the basket.
        apply_once_per_order=redemption.kind == RewardKind.PRODUCT,
        start_date=redemption.created_at,
        end_date=redemption.expires_at,
    )
    if redemption.kind == RewardKind.PRODUCT:
        voucher.variants.add(redemption.variant_id)
        restrict(voucher)
    VoucherChannelListing.objects.create(
        voucher=voucher,
        channel=channel,
        discount_value=discount,
        currency=redemption.currency,
        min_spent_amount=redemption.minimum_spend,
    )
    VoucherCode.objects.create(voucher=voucher, code=redemption.code)


def _voucher_type(redemption: RewardRedemption) -> str:
    if redemption.kind == RewardKind.FREE_SHIPPING:
        return VoucherType.SHIPPING
    return VoucherType.SPECIFIC_PRODUCT if redemption.kind == RewardKind.PRODUCT else VoucherType.ENTIRE_ORDER


def _make_gift_card(redemption: RewardRedemption, user: User) -> None:
    last_day = None
    if redemption.expires_at is not None:
        last_day = redemption.expires_at.astimezone(UTC).date() - timedelta(days=1)
    card = GiftCard.objects.create(
        code=redemption.code,
        currency=redemption.currency,
        initial_balance_amount=redemption.amount,
        current_balance_amount=redemption.amount,
        expiry_date=last_day,
        **gift_card_of(user),
    )
    balance = {
        "currency": card.currency,
        "initial_balance": card.initial_balance_amount,
        "current_balance": card.current_balance_amount,
    }
    _record(card, GiftCardEvents.ISSUED, {"balance": balance, "expiry_date": last_day})


def _kill_gift_card(code: str, least: Decimal | None) -> bool:
    """Switch a gift card off and take it out of the checkouts that it is in; False if it is used, or about to be.

    While the card is locked, no further checkout can take it. Saleor locks a checkout first and its cards later, so
    the checkouts here are not waited for: one that is locked is being completed.

    Args:
        least: what must be left on it; None: whatever is.
    """
    card = GiftCard.objects.select_for_update(of=("self",)).filter(code=code).first()
    if card is None:
        return True
    if card.last_used_on is not None or card.current_balance_amount != card.initial_balance_amount:
        return False
    # Staff who set a balance, for what was bought at the till, change the initial one with it: it looks unused.
    if least is not None and card.current_balance_amount < least:
        return False
    holders = Checkout.objects.filter(gift_cards=card)
    locked = Checkout.objects.select_for_update(of=("self",), skip_locked=True).filter(
        pk__in=list(holders.values_list("pk", flat=True))
    )
    # Between two steps of a completion the row is free, and the total is computed with the card.
    if len(locked) < holders.count() or any(checkout.is_checkout_locked() for checkout in locked):
        return False
    holders.update(price_expiration=vouchers.long_expired(), last_change=timezone.now())
    # A card that is off would stop the purchase.
    card.checkouts.clear()
    forget_authorisations(card)
    card.is_active = False
    # A transaction that is being charged right now asks for the balance only.
    card.current_balance_amount = Decimal(0)
    card.save(update_fields=["is_active", "current_balance_amount"])
    _record(card, GiftCardEvents.DEACTIVATED, {})
    return True


def _record(card: GiftCard, event: str, parameters: dict[str, Any]) -> None:
    GiftCardEvent.objects.create(gift_card=card, type=event, parameters=parameters)
