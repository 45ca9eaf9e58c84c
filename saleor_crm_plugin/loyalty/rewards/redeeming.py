"""Taking a reward, giving it back, and what becomes of its code. Points and redemption change together, or not at all.

Locks are taken in the order redemption, carrier (in Saleor's tables), reward, account, so that no two of these can wait
for each other. What carries a reward through Saleor's checkout is not known here: the caller makes and kills it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import AccountClosedError, LoyaltyInputError
from saleor_crm_plugin.loyalty.accounts import with_merged
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.ownership import check_owner
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.rewards import queries
from saleor_crm_plugin.loyalty.rewards.definition import Place, Refusal, RewardKind, Shopper, missing_points, refusal
from saleor_crm_plugin.loyalty.rewards.models import KEY_LENGTH, LoyaltyReward, RedemptionStatus, RewardRedemption
from saleor_crm_plugin.loyalty.tiers.queries import current_tiers

FIELD_AT_FAULT = {Refusal.NOT_APPLICABLE: "channel", Refusal.LOYALTY_DISABLED: "channel", Refusal.ACCOUNT_CLOSED: None}


@dataclass(frozen=True, slots=True)
class Request:
    """A customer asks for a reward.

    Attributes:
        user_id: the authenticated owner of the account.
        segments: names of those that the customer is in; of RFM groups, in the currency of the place.
        key: the customer's own key of the request, if any.
        code: of the voucher or gift card that will carry the reward.
    """

    reward_id: int
    account_id: int
    user_id: int
    place: Place
    segments: frozenset[str]
    key: str | None
    code: str


def redeem(request: Request, make_carrier: Callable[[RewardRedemption], None], now: datetime) -> RewardRedemption:
    """Take the cost from the account and issue the reward. A repeated key gives the redemption of then.

    Raises:
        LoyaltyInputError: a value of `Refusal` as its code, `NOT_FOUND`, or `INVALID` (the key).
        AccountPassedOnError: the account is another's since it was looked up.
    """
    if request.key is not None and not 0 < len(request.key) <= KEY_LENGTH:
        raise LoyaltyInputError(f"1 to {KEY_LENGTH} characters.", "INVALID", "idempotencyKey")
    with transaction.atomic():
        reward = LoyaltyReward.objects.select_for_update().filter(pk=request.reward_id).first()
        with Ledger([request.account_id], now=now) as ledger:
            check_owner(request.account_id, request.user_id, "default")
            account = ledger.accounts[request.account_id]
            if (done := _done_before(request)) is not None:
                return done
            if reward is None or reward.program_id != account.program_id:
                raise LoyaltyInputError("There is no such reward.", "NOT_FOUND", "rewardId")
            # The job that lets points expire may not have come to them yet.
            ledger.expire_due([account.pk])
            _check(reward, account, ledger.wallets[account.pk].spendable, request, now)
            entry = ledger.redeem(
                request.account_id,
                reward.cost,
                Source(
                    key=f"reward:{uuid4()}",
                    reason=f"Reward: {reward.name}",
                    actor=Actor(ActorType.CUSTOMER, request.user_id),
                ),
            )
        assert entry is not None
        LoyaltyReward.objects.filter(pk=reward.pk).update(redeemed_count=F("redeemed_count") + 1)
        redemption = _issue(reward, entry, request, now)
        make_carrier(redemption)
    return redemption


def give_back(
    redemption_id: int,
    actor: Actor,
    kill_carrier: Callable[[RewardRedemption], None],
    now: datetime,
    *,
    kill_used: Callable[[RewardRedemption], bool] = lambda redemption: False,
) -> RewardRedemption:
    """End a redemption whose code no order has used: the points return to the lots they came from. A repeat does
    nothing.

    Args:
        kill_carrier: makes the code unusable, or raises a LoyaltyInputError if it has been used.
        kill_used: the same for a code that an order has used; False if the order keeps it.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `ALREADY_USED`, `NOT_AVAILABLE` (its time is over).
        AccountClosedError: the account is closed.
    """
    with transaction.atomic():
        redemption = RewardRedemption.objects.select_for_update().filter(pk=redemption_id).first()
        if redemption is None:
            raise LoyaltyInputError("You have no such reward.", "NOT_FOUND", "redemptionId")
        if redemption.status == RedemptionStatus.RETURNED:
            return redemption
        if redemption.status == RedemptionStatus.USED:
            if not kill_used(redemption):
                raise LoyaltyInputError("An order has used it.", "ALREADY_USED", "redemptionId")
        elif redemption.status == RedemptionStatus.EXPIRED or _is_over(redemption, now):
            raise LoyaltyInputError("Its time is over.", "NOT_AVAILABLE", "redemptionId")
        else:
            kill_carrier(redemption)
        LoyaltyReward.objects.select_for_update().get(pk=redemption.reward_id)
        LoyaltyReward.objects.filter(pk=redemption.reward_id).update(redeemed_count=F("redeemed_count") - 1)
        source = Source(
            # A redemption that was used after all, and given back once more, has another entry by then.
            key=f"reward:return:{redemption.entry_id}",
            reason=f"Reward given back: {redemption.name}",
            actor=actor,
            reverses=redemption.entry_id,
        )
        with Ledger([redemption.account_id], entries=[redemption.entry_id], now=now) as ledger:
            if ledger.accounts[ledger.head_of(redemption.account_id)].closed_at is not None:
                raise AccountClosedError("The account is closed.")
            ledger.undo_taking(redemption.account_id, redemption.cost, TransactionType.REDEEM_REVERSAL, source)
        redemption.status, redemption.returned_at = RedemptionStatus.RETURNED, now
        redemption.save(update_fields=["status", "returned_at"])
    return redemption


@dataclass(frozen=True, slots=True)
class CodeUse:
    """An order carries a code.

    Attributes:
        is_closed: the order was cancelled, or expired unpaid.
        is_revived: the code can be used once more, as Saleor has it when an order expires unpaid.
        is_without_discount: nothing was taken off the order as a whole. A discount on one of its lines is not known.
        takes_over: the order that used the code before came to nothing, and this one counts.
    """

    order_id: UUID
    is_closed: bool = False
    is_revived: bool = False
    is_without_discount: bool = False
    takes_over: bool = False


def note_used(uses: Mapping[str, CodeUse], now: datetime, using: str) -> None:
    """Orders carry these codes: the redemptions of those that are rewards' are used, or free again.

    Points of a redemption that was given back are taken again, unless the order came to nothing, or nothing was taken
    off it: a code that is given back in the middle of Saleor's completion is written into the order all the same. The
    caller has a transaction.
    """
    if not uses:
        return
    redemptions = RewardRedemption.objects.using(using).filter(code__in=list(uses))
    for redemption in redemptions.select_for_update().order_by("pk"):
        use = uses[redemption.code]
        if use.is_revived:
            _free(redemption, use, using)
        elif redemption.status == RedemptionStatus.RETURNED and (use.is_closed or _is_in_vain(redemption, use)):
            continue
        elif redemption.status != RedemptionStatus.USED or use.takes_over:
            if redemption.status == RedemptionStatus.RETURNED:
                _take_again(redemption, use, now, using)
            redemption.status, redemption.order_id, redemption.used_at = RedemptionStatus.USED, use.order_id, now
            redemption.save(using=using, update_fields=["status", "order_id", "used_at", "entry", "returned_at"])


def _is_in_vain(redemption: RewardRedemption, use: CodeUse) -> bool:
    return use.is_without_discount and redemption.kind != RewardKind.PRODUCT


def expire(redemption_id: int, is_unused: Callable[[RewardRedemption], bool], now: datetime) -> bool:
    """Close a redemption whose time is over; the points stay spent. False if its code was used, or it is not due."""
    with transaction.atomic():
        redemption = RewardRedemption.objects.select_for_update().get(pk=redemption_id)
        if redemption.status != RedemptionStatus.ISSUED or not _is_over(redemption, now) or not is_unused(redemption):
            return False
        redemption.status = RedemptionStatus.EXPIRED
        redemption.save(update_fields=["status"])
    return True


def _done_before(request: Request) -> RewardRedemption | None:
    """The redemption of an earlier request with the same key. The account is locked."""
    if request.key is None:
        return None
    # Of an account that was merged into this one since, too.
    accounts = with_merged([request.account_id], "default")
    done = RewardRedemption.objects.filter(account_id__in=accounts, idempotency_key=request.key).order_by("pk").first()
    if done is not None and done.reward_id != request.reward_id:
        raise LoyaltyInputError("This key was used for another reward.", "INVALID", "idempotencyKey")
    return done


def _check(reward: LoyaltyReward, account: LoyaltyAccount, spendable: int, request: Request, now: datetime) -> None:
    using = "default"
    tier = current_tiers([account.pk], using).get(account.pk)
    shopper = Shopper(
        spendable=spendable,
        is_closed=account.closed_at is not None,
        tier_level=tier.level if tier else 0,
        segments=request.segments,
        taken=queries.taken({(account.pk, reward.pk)}, using).get((account.pk, reward.pk), 0),
    )
    check_shopper(reward, shopper, request.place, now)


def check_shopper(reward: LoyaltyReward, shopper: Shopper, place: Place, now: datetime) -> None:
    """
    Raises:
        LoyaltyInputError: the shopper cannot have the reward; a value of `Refusal` as its code, or `NOT_FOUND`.
    """
    if reward.deleted_at is not None:
        raise LoyaltyInputError("There is no such reward.", "NOT_FOUND", "rewardId")
    level = reward.tier.level if reward.tier is not None else 0
    found = refusal(reward.definition, shopper, at=now, left=reward.left, tier_level=level, place=place)
    if found is not None:
        raise LoyaltyInputError(_explain(found, reward, shopper), found.value, FIELD_AT_FAULT.get(found, "rewardId"))


def _explain(found: Refusal, reward: LoyaltyReward, shopper: Shopper) -> str:
    if found == Refusal.INSUFFICIENT_POINTS:
        missing = missing_points(reward.cost, shopper.spendable)
        return f"The reward costs {reward.cost} points; {missing} more are needed."
    if found == Refusal.TIER_TOO_LOW:
        assert reward.tier is not None
        return f"The reward is for customers from the tier {reward.tier.name} on."
    return {
        Refusal.NOT_AVAILABLE: "The reward is not on offer now.",
        Refusal.NOT_APPLICABLE: "The reward is not for this channel or its currency.",
        Refusal.LOYALTY_DISABLED: "Points cannot be spent in this channel.",
        Refusal.OUT_OF_STOCK: "All have been taken.",
        Refusal.ACCOUNT_CLOSED: "The account is closed.",
        Refusal.NOT_IN_SEGMENT: "The reward is for other customers.",
        Refusal.LIMIT_REACHED: f"A customer can have it {reward.limit_per_customer} times.",
    }[found]


def _issue(reward: LoyaltyReward, entry: PointsTransaction, request: Request, now: datetime) -> RewardRedemption:
    return RewardRedemption.objects.create(
        reward=reward,
        account_id=request.account_id,
        entry=entry,
        name=reward.name,
        kind=reward.kind,
        cost=reward.cost,
        percentage=reward.percentage,
        amount=reward.amount,
        currency=request.place.currency,
        minimum_spend=reward.minimum_spend,
        variant_id=reward.variant_id,
        channel_id=request.place.channel_id,
        code=request.code,
        idempotency_key=request.key,
        created_at=now,
        expires_at=_expiry(reward, now),
    )


def _expiry(reward: LoyaltyReward, now: datetime) -> datetime | None:
    if reward.valid_days is None:
        return None
    end = now + timedelta(days=reward.valid_days)
    if reward.kind != RewardKind.GIFT_CARD:
        return end
    # Saleor's gift cards run out with a day, in UTC: the last one is theirs in full.
    day = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def _is_over(redemption: RewardRedemption, now: datetime) -> bool:
    return redemption.expires_at is not None and redemption.expires_at <= now


def _free(redemption: RewardRedemption, use: CodeUse, using: str) -> None:
    """The order that used the code came to nothing, and the code is good again."""
    if redemption.status == RedemptionStatus.USED and redemption.order_id == use.order_id:
        redemption.status, redemption.order_id, redemption.used_at = RedemptionStatus.ISSUED, None, None
        redemption.save(using=using, update_fields=["status", "order_id", "used_at"])


def _take_again(redemption: RewardRedemption, use: CodeUse, now: datetime, using: str) -> None:
    """The code was used although its points had come back: the reward counts as taken, with a new REDEEM."""
    reward = LoyaltyReward.objects.using(using).select_for_update().get(pk=redemption.reward_id)
    reward.redeemed_count += 1
    if reward.stock is not None:
        # It was given away all the same.
        reward.stock = max(reward.stock, reward.redeemed_count)
    reward.save(using=using, update_fields=["redeemed_count", "stock"])
    source = Source(key=f"reward:used:{redemption.entry_id}", reason=f"Reward used: {redemption.name}")
    with Ledger([redemption.account_id], now=now, using=using) as ledger:
        entry = ledger.redeem(redemption.account_id, redemption.cost, source)
    assert entry is not None
    redemption.entry = entry
    redemption.returned_at = None
