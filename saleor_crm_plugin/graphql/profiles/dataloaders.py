"""Facts about many customers at once, each in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.profiles.models import IdentityKind, ProfileIdentity, ProfileMetrics


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
        rows = (
            ProfileIdentity.objects.using(self.database_connection_name)
            .filter(profile_id__in=keys, kind__in=[IdentityKind.VERIFIED_EMAIL, IdentityKind.UNVERIFIED_EMAIL])
            # "verified" comes last and stays.
            .order_by("kind", "-pk")
            .values_list("profile_id", "value")
        )
        emails = dict(rows)
        return [emails.get(profile_id) for profile_id in keys]
