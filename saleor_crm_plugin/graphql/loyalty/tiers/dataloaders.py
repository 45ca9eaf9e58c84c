"""Tiers of many accounts at once, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers import memberships
from saleor_crm_plugin.loyalty.tiers.amounts import amounts_of
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier
from saleor_crm_plugin.loyalty.tiers.scheme import Scheme, load_scheme
from saleor_crm_plugin.loyalty.tiers.standing import Progress, progress_of, standing_of


@dataclass(frozen=True, slots=True)
class TierProgress:
    """Root of `LoyaltyTierProgress`."""

    scheme: Scheme
    progress: Progress


class SchemeLoader(DataLoader):
    """`Scheme` of the default program, once per request. The key does not matter; use `load_tier_scheme`."""

    context_key = "saleor_crm_plugin.tier_scheme"

    def batch_load(self, keys: Sequence[int]) -> list[Scheme | None]:
        alias = self.database_connection_name
        return [load_scheme(default_program_id(alias), alias)] * len(keys)


def load_tier_scheme(context: Any) -> Any:
    """Promise of the tiers and their policy; of None if there never was a tier."""
    return SchemeLoader(context).load(0)


class TierByAccountIdLoader(DataLoader):
    """`LoyaltyTier` by account id, for accounts that were read without it; None for those in no tier."""

    context_key = "saleor_crm_plugin.tier_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[LoyaltyTier | None]:
        accounts = LoyaltyAccount.objects.using(self.database_connection_name).filter(pk__in=keys)
        found = {account.pk: account for account in accounts.select_related("tier_membership__tier")}
        return [tier_of(found[key]) if key in found else None for key in keys]


def tier_of(account: LoyaltyAccount) -> LoyaltyTier | None:
    """The tier of an account that was read with its membership."""
    membership = memberships.membership_of(account)
    return membership.tier if membership else None


class TierProgressByAccountIdLoader(DataLoader):
    """`TierProgress` by account id; None where there are no tiers, and for closed accounts."""

    context_key = "saleor_crm_plugin.tier_progress_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> Any:
        def with_scheme(scheme: Scheme | None) -> list[TierProgress | None]:
            if scheme is None or not scheme.tiers:
                return [None] * len(keys)
            now, using = timezone.now(), self.database_connection_name
            accounts = {account.pk: account for account in memberships.open_accounts(keys, using)}
            profile_of = {pk: account.profile_id for pk, account in accounts.items()}
            amounts = amounts_of(profile_of, scheme, net_spend, now, using)
            found = {}
            for pk, account in accounts.items():
                before = memberships.standing_before(memberships.membership_of(account))
                standing = standing_of(scheme.rules, amounts[pk], before, now)
                found[pk] = TierProgress(scheme, progress_of(scheme.rules, amounts[pk], standing, now))
            return [found.get(key) for key in keys]

        return load_tier_scheme(self.context).then(with_scheme)
