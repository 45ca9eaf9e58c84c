"""What this domain holds about a person, and how a person is taken out of it.

The ledger stays: its entries are numbers that others' sums depend on, and hold nothing personal once the free text of
staff is blanked. Order ids in it are the shop's bookkeeping.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.holdings import Holding
from saleor_crm_plugin.loyalty.models import (
    AccountMerge,
    HoldStatus,
    LotConsumption,
    LoyaltyAccount,
    PointsHold,
    PointsLot,
    PointsTransaction,
)
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.loyalty.reminders.models import LoyaltyReminder
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierMembership

HOLDINGS: Final = (
    Holding("pointsAccounts", LoyaltyAccount, "profile"),
    Holding("pointsEntries", PointsTransaction, "account__profile"),
    Holding("pointsLots", PointsLot, "account__profile"),
    Holding("pointsConsumptions", LotConsumption, "lot__account__profile"),
    Holding("pointsHolds", PointsHold, "account__profile"),
    Holding("pointsMerges", AccountMerge, "source__profile"),
    Holding("ruleUses", EarningRuleUse, "account__profile"),
    Holding("tier", TierMembership, "account__profile"),
    Holding("tierChanges", TierChange, "account__profile"),
    Holding("rewards", RewardRedemption, "account__profile"),
    Holding("referralCode", ReferralCode, "account__profile"),
    Holding("referrals", Referral, "friend__profile"),
    # Who the friend is, and what they bought, is theirs.
    Holding("referralsMade", Referral, "code__account__profile", hidden=("friend_id", "order_id")),
    Holding("reminders", LoyaltyReminder, "account__profile"),
)


def blank_texts(profile_ids: Collection[int], using: str) -> None:
    """Remove what staff and apps wrote about these customers' points. No sum changes. Five SQL statements.

    Whoever is writing about them, an import or staff, is waited for. The caller has locked the profiles, in a
    transaction.
    """
    accounts = _accounts(profile_ids, using)
    redemptions = RewardRedemption.objects.using(using).filter(account__in=accounts)
    # Before the accounts, as whoever gives a reward back takes them.
    list(redemptions.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    # An entry that is not committed yet is seen by nobody but its writer, who holds the account.
    _lock(accounts)
    PointsTransaction.objects.using(using).filter(account__in=accounts).exclude(reason="").update(reason="")
    TierChange.objects.using(using).filter(account__in=accounts).exclude(reason="").update(reason="")
    redemptions.update(idempotency_key=None)


def close_accounts(profile_ids: Collection[int], now: datetime, using: str) -> None:
    """Let nothing be earned or spent any more.

    Points that are left stay there, and expire if they have a date: `loyalty.liability` counts them apart.

    Raises:
        CustomerInputError: `NOT_APPLICABLE`: a checkout holds points.
    """
    accounts = _accounts(profile_ids, using)
    # Who wants to hold points waits for this, and finds the account closed.
    _lock(accounts)
    if PointsHold.objects.using(using).filter(account__in=accounts, status=HoldStatus.HELD).exists():
        raise CustomerInputError(
            "A checkout holds points of this customer. Take them off it, or wait until the hold is over.",
            "NOT_APPLICABLE",
            "level",
        )
    accounts.filter(closed_at__isnull=True).update(closed_at=now)


def _accounts(profile_ids: Collection[int], using: str) -> QuerySet[LoyaltyAccount]:
    return LoyaltyAccount.objects.using(using).filter(profile__in=profile_ids)


def _lock(accounts: QuerySet[LoyaltyAccount]) -> None:
    """In the order of their ids, as the ledger does."""
    list(accounts.order_by("pk").select_for_update().values_list("pk"))
