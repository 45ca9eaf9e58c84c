"""What others read of referrals."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Sum

from saleor_crm_plugin.loyalty.referrals.settling import occasion_of
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse


def points_given(keys: Collection[tuple[int, int]], using: str) -> dict[tuple[int, int], int]:
    """Points less what was taken back, for pairs of a referral's and an account's id. One statement."""
    referral_of = {occasion_of(referral_id): referral_id for referral_id, _ in keys}
    account_ids = {account_id for _, account_id in keys}
    rows = (
        EarningRuleUse.objects.using(using)
        .filter(account_id__in=account_ids, occasion__in=referral_of, is_dry_run=False)
        .values("occasion", "account_id")
        .annotate(given=Sum("points"))
    )
    return {(referral_of[row["occasion"]], row["account_id"]): row["given"] for row in rows}
