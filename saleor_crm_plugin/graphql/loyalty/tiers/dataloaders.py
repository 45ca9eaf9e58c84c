"""Tiers of many accounts at once, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from saleor.core.db.connection import allow_writer_in_context
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers import memberships
from saleor_crm_plugin.loyalty.tiers.amounts import amounts_of
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier
from saleor_crm_plugin.loyalty.tiers.scheme import Scheme, load_default_scheme
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
        return [load_default_scheme(alias)] * len(keys)


def load_tier_scheme(context: Any) -> Any:
    """Promise of the tiers and their policy; of None if there never was a tier."""
    return SchemeLoader(context).load(0)


class TierByIdLoader(DataLoader):
    """`LoyaltyTier` by primary key."""

    context_key = "saleor_crm_plugin.tier_by_id"

    def batch_load(self, keys: Sequence[int]) -> list[LoyaltyTier | None]:
        found = LoyaltyTier.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(tier_id) for tier_id in keys]


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
            # In the answer to a mutation this reads the writer, and runs after Saleor has allowed it to the loader.
            with allow_writer_in_context(self.context):
                found = self._progress(keys, scheme)
            return [found.get(key) for key in keys]

        return load_tier_scheme(self.context).then(with_scheme)

    def _progress(self, account_ids: Sequence[int], scheme: Scheme) -> dict[int, TierProgress]:
        now, using, rules = timezone.now(), self.database_connection_name, scheme.rules
        accounts = memberships.open_accounts(account_ids, using)
        amounts = amounts_of({account.pk: account.profile_id for account in accounts}, scheme, net_spend, now, using)
        found = {}
        for account in accounts:
            before = memberships.standing_before(memberships.membership_of(account))
            standing = standing_of(rules, amounts[account.pk], before, now)
            found[account.pk] = TierProgress(scheme, progress_of(rules, amounts[account.pk], standing, now))
        return found
