"""Rewards in the shop: taken by a customer, given back, run out - all or nothing each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from functools import partial
from uuid import UUID

from django.utils import timezone
from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.checkout.models import Checkout
from saleor.order.models import Order

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion import reward_carriers, vouchers
from saleor_crm_plugin.ingestion.delivery import review_delivery_of
from saleor_crm_plugin.ingestion.reward_restrictions import restrict_again
from saleor_crm_plugin.ingestion.settings import loyalty_is_on
from saleor_crm_plugin.ingestion.snapshots import CANCELLED
from saleor_crm_plugin.ingestion.sold_variants import sold_among
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.ownership import again_if_passed_on
from saleor_crm_plugin.loyalty.rewards import redeeming
from saleor_crm_plugin.loyalty.rewards.definition import Place, Refusal, RewardKind, Shopper, is_for
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward, RedemptionStatus, RewardRedemption
from saleor_crm_plugin.loyalty.segment_names import slugs_among
from saleor_crm_plugin.profiles.merging.family import heads_of_users
from saleor_crm_plugin.profiles.traits import NO_GROUPS, rfm_groups, segment_slugs
from saleor_crm_plugin.texts import can_be_stored

BATCH_SIZE = 500


@again_if_passed_on
def redeem_reward(
    reward_id: int, user: User, channel_slug: str | None, key: str | None, now: datetime | None = None
) -> RewardRedemption:
    """Spend points of the user's account on a reward. The caller has authenticated the user.

    Args:
        channel_slug: where the code is to be used; it can be left out where only one channel comes into question.

    Raises:
        LoyaltyInputError: with its code and field. Nothing has been changed then.
        AccountPassedOnError: the user was merged and separated in the same moment.
    """
    program_id = default_program_id()
    reward = LoyaltyReward.objects.filter(pk=reward_id, program_id=program_id).first()
    if reward is None:
        raise LoyaltyInputError("There is no such reward.", "NOT_FOUND", "rewardId")
    channel, place = _place(reward, channel_slug)
    now = now or timezone.now()
    account = LoyaltyAccount.objects.filter(profile_id__in=heads_of_users([user.pk]), program_id=program_id).first()
    if account is None:
        # They lack points in any case, but may hear first of what no points would change.
        profile_id = heads_of_users([user.pk]).values_list("pk", flat=True).first()
        segments = _segments(reward, profile_id, channel) if profile_id is not None else frozenset()
        redeeming.check_shopper(reward, Shopper(segments=segments), place, now)
        raise LoyaltyInputError("You have no points yet.", Refusal.INSUFFICIENT_POINTS, "rewardId")
    request = redeeming.Request(
        reward_id=reward.pk,
        account_id=account.pk,
        user_id=user.pk,
        place=place,
        segments=_segments(reward, account.profile_id, channel),
        key=key,
        code=reward_carriers.new_code(RewardKind(reward.kind)),
    )

    def make_carrier(redemption: RewardRedemption) -> None:
        _check_product(redemption, channel)
        reward_carriers.make_carrier(redemption, user, channel)

    return redeeming.redeem(request, make_carrier, now)


def return_reward(
    redemption_id: int, actor: Actor, *, by_staff: bool = False, now: datetime | None = None
) -> RewardRedemption:
    """Give a reward back whose code was not used. The caller has seen that it is theirs, or that they are staff.

    Args:
        by_staff: a voucher whose order was cancelled can be given back too, since Saleor does not revive its code.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `ALREADY_USED`, `NOT_AVAILABLE`.
        AccountClosedError: the account is closed.
    """

    def kill_used(redemption: RewardRedemption) -> bool:
        if not by_staff or redemption.kind == RewardKind.GIFT_CARD:
            return False
        cancelled = Order.objects.filter(pk=redemption.order_id, status__in=CANCELLED)
        # One that expired lets another use the code.
        others = Order.objects.filter(voucher_code=redemption.code).exclude(status__in=CANCELLED)
        if others.exists() or not cancelled.exists():
            return False
        # Of one that has expired since the last sync, Saleor has freed it already.
        vouchers.switch_off([redemption.code], "default")
        return True

    codes = RewardRedemption.objects.filter(pk=redemption_id).values_list("code", flat=True)
    carrying = _checkouts_with(list(codes))
    returned = redeeming.give_back(
        redemption_id,
        actor,
        partial(reward_carriers.kill_carrier, for_points=True),
        now or timezone.now(),
        kill_used=kill_used,
    )
    for token in carrying[returned.code]:
        review_delivery_of(token)
    return returned


def expire_rewards(now: datetime | None = None) -> int:
    """Close redemptions whose time is over, and clear their vouchers away; returns how many were closed.

    The points stay spent. A code that an order has used is left: the order's sync marks it. Before that, vouchers of
    products get back what restricts them.
    """
    now = now or timezone.now()
    restrict_again(BATCH_SIZE)
    due = RewardRedemption.objects.filter(status=RedemptionStatus.ISSUED, expires_at__lte=now).order_by("pk")
    expired, last = 0, None
    while True:
        rest = due if last is None else due.filter(pk__gt=last)
        batch = list(rest.values_list("pk", "code")[:BATCH_SIZE])
        carrying = _checkouts_with([code for _, code in batch])
        for redemption_id, code in batch:
            if redeeming.expire(redemption_id, _kill_if_unused, now):
                expired += 1
                for token in carrying[code]:
                    review_delivery_of(token)
        if len(batch) < BATCH_SIZE:
            break
        last = batch[-1][0]
    reward_carriers.purge_dead_vouchers(now, BATCH_SIZE)
    return expired


def _checkouts_with(codes: Collection[str]) -> defaultdict[str, list[UUID]]:
    """The checkouts that carry vouchers, by code: without it they are dearer. No statement without codes."""
    tokens: defaultdict[str, list[UUID]] = defaultdict(list)
    if codes:
        for code, token in Checkout.objects.filter(voucher_code__in=codes).values_list("voucher_code", "pk"):
            tokens[code].append(token)
    return tokens


def _kill_if_unused(redemption: RewardRedemption) -> bool:
    try:
        reward_carriers.kill_carrier(redemption, for_points=False)
    except LoyaltyInputError:
        return False
    return True


def _segments(reward: LoyaltyReward, profile_id: int, channel: Channel) -> frozenset[str]:
    groups = rfm_groups([profile_id], "default").get(profile_id, NO_GROUPS)
    slugs = segment_slugs([profile_id], "default") if slugs_among(reward.segments) else {}
    return groups.in_currency(channel.currency_code) | slugs.get(profile_id, frozenset())


def _place(reward: LoyaltyReward, slug: str | None) -> tuple[Channel, Place]:
    active = Channel.objects.filter(is_active=True).annotate(loyalty_on=loyalty_is_on())
    if slug is not None:
        active = active.filter(slug=slug) if can_be_stored(slug) else active.none()
    places = [(channel, Place(channel.pk, channel.currency_code, channel.loyalty_on)) for channel in active]
    if slug is not None:
        if not places:
            raise LoyaltyInputError("There is no such channel.", "NOT_FOUND", "channel")
        return places[0]
    definition = reward.definition
    fitting = [(channel, place) for channel, place in places if is_for(definition, place)]
    # Where loyalty is off in all of them, any will do: the reward is refused.
    fitting = [(channel, place) for channel, place in fitting if place.loyalty_on] or fitting[:1]
    if len(fitting) != 1:
        raise LoyaltyInputError("Say in which channel you will use it.", "REQUIRED", "channel")
    return fitting[0]


def _check_product(redemption: RewardRedemption, channel: Channel) -> None:
    """What is not sold in the channel cannot be free there."""
    if redemption.variant_id is None:
        return
    if not sold_among([(redemption.variant_id, channel.pk)], "default"):
        raise LoyaltyInputError("The product is not sold in this channel.", Refusal.NOT_APPLICABLE, "channel")
