"""Codes and points of referrals, for any number of them at once."""

from __future__ import annotations

from collections.abc import Sequence

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.loyalty.referrals.models import ReferralCode
from saleor_crm_plugin.loyalty.referrals.queries import points_given


class ReferralCodeByAccountIdLoader(DataLoader):
    """The code of an account, as text; None while it has none."""

    context_key = "saleor_crm_plugin.referral_code_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[str | None]:
        codes = ReferralCode.objects.using(self.database_connection_name).filter(account_id__in=keys)
        found = dict(codes.values_list("account_id", "code"))
        return [found.get(account_id) for account_id in keys]


class ReferralPointsLoader(DataLoader):
    """Points that a referral gave an account, less what was taken back, by (referral id, account id)."""

    context_key = "saleor_crm_plugin.referral_points"

    def batch_load(self, keys: Sequence[tuple[int, int]]) -> list[int]:
        found = points_given(keys, self.database_connection_name)
        return [found.get(key, 0) for key in keys]
