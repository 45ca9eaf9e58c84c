"""What counts towards tiers, read from the ledger, or from whoever knows what customers have spent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from django.db.models import F, Min, Sum

from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.loyalty.tiers.scheme import Scheme
from saleor_crm_plugin.loyalty.tiers.standing import Basis
from saleor_crm_plugin.loyalty.tiers.windows import Amount, WindowKind


class SpendReader(Protocol):
    """What customers have spent, less refunds, order by order: by profile id, in a currency, since a moment.

    One statement, for any number of profiles. Loyalty does not know orders; the caller passes one in.
    """

    def __call__(
        self, profile_ids: Collection[int], currency: str, since: datetime | None, using: str
    ) -> Mapping[int, Sequence[Amount]]: ...


def amounts_of(
    profile_of: Mapping[int, int], scheme: Scheme, spend: SpendReader, now: datetime, using: str
) -> dict[int, Sequence[Amount]]:
    """What counts for each account, what was earned in accounts that were merged into it included. Two statements.

    Args:
        profile_of: profile id by account id.
    """
    rules = scheme.rules
    since = rules.window.lookback(now, rules.grace_days)
    if scheme.basis == Basis.NET_SPEND:
        spent = spend(set(profile_of.values()), scheme.policy.currency, since, using)
        return {account_id: spent.get(profile_id, ()) for account_id, profile_id in profile_of.items()}
    head_of = accounts.with_merged(profile_of.keys(), using)
    earned = PointsTransaction.objects.using(using).filter(account_id__in=head_of, earned_at__isnull=False)
    if since is not None:
        earned = earned.filter(earned_at__gte=since)
    # For life only the sum matters. Else a reversal counts at the moment of its award, so that what is left of a moment
    # is never below 0.
    moment = Min("earned_at") if rules.window.kind == WindowKind.LIFETIME else F("earned_at")
    sums = earned.values("account_id").annotate(moment=moment).values_list("account_id", "moment")
    found: dict[int, list[Amount]] = {}
    for account_id, at, points in sums.annotate(total=Sum("points")).filter(total__gt=0):
        found.setdefault(head_of[account_id], []).append(Amount(at, Decimal(points)))
    return {account_id: found.get(account_id, ()) for account_id in profile_of}
