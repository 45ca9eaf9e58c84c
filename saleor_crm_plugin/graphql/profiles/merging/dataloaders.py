"""Merges of many customers at once."""

from __future__ import annotations

from collections.abc import Sequence

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.profiles.merging.models import ProfileMerge


class MergesByProfileIdLoader(DataLoader):
    """The merges that made a head what it is, newest first, by its id."""

    context_key = "saleor_crm_plugin.merges_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[ProfileMerge]]:
        merges = ProfileMerge.objects.using(self.database_connection_name).select_related("source")
        found: dict[int | None, list[ProfileMerge]] = {}
        for merge in merges.filter(source__merged_into_id__in=keys, undone_at__isnull=True).order_by("-pk"):
            found.setdefault(merge.source.merged_into_id, []).append(merge)
        return [found.get(profile_id, []) for profile_id in keys]
