"""Facts about many customers at once, each in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.profiles.identity import guest_emails
from saleor_crm_plugin.profiles.merging.family import ACCOUNT
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics


class MetricsByProfileIdLoader(DataLoader):
    """All `ProfileMetrics` of a profile, one for each currency, the one with most orders first."""

    context_key = "saleor_crm_plugin.metrics_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[ProfileMetrics]]:
        rows = (
            ProfileMetrics.objects.using(self.database_connection_name)
            .filter(profile_id__in=keys)
            .order_by("-orders_count", "currency")
        )
        found: dict[int, list[ProfileMetrics]] = {}
        for row in rows:
            found.setdefault(row.profile_id, []).append(row)
        return [found.get(profile_id, []) for profile_id in keys]


class GuestEmailByProfileIdLoader(DataLoader):
    """The address by which a guest is known; None if there is none (any more). A proven one goes first."""

    context_key = "saleor_crm_plugin.guest_email_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[str | None]:
        emails = guest_emails(keys, self.database_connection_name)
        return [emails.get(profile_id) for profile_id in keys]


class AccountByProfileIdLoader(DataLoader):
    """The id of the user by whom a person is shown (`ACCOUNT`); None for guests."""

    context_key = "saleor_crm_plugin.account_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[int | None]:
        profiles = CustomerProfile.objects.using(self.database_connection_name).filter(pk__in=keys)
        found = dict(profiles.values_list("pk", ACCOUNT))
        return [found.get(profile_id) for profile_id in keys]
