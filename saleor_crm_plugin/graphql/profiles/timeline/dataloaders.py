"""Timelines of many customers at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from saleor.checkout.models import Checkout
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.lists import Page
from saleor_crm_plugin.ingestion.timeline import SOURCES
from saleor_crm_plugin.profiles.timeline.reading import Entry, Selection, count_entries, read_timelines


class TimelineByProfileIdLoader(DataLoader):
    """A page of entries for each (profile id, `Selection`, `Page`), with one entry more than the page holds.

    One statement for all profiles that are asked for the same page, as the fields of a list are.
    """

    context_key = "saleor_crm_plugin.timeline_by_profile_id"

    def batch_load(self, keys: Sequence[tuple[int, Selection, Page]]) -> list[list[Entry]]:
        found: dict[tuple[int, Selection, Page], list[Entry]] = {}
        for selection, page in dict.fromkeys((selection, page) for _, selection, page in keys):
            timelines = read_timelines(
                [profile_id for profile_id, *asked in keys if asked == [selection, page]],
                SOURCES,
                selection,
                limit=page.size + 1,
                after=page.cursor,
                backwards=page.backwards,
                using=self.database_connection_name,
            )
            found |= {(profile_id, selection, page): entries for profile_id, entries in timelines.items()}
        return [found.get(key, []) for key in keys]


class OwnerOfCheckoutLoader(DataLoader):
    """User id and e-mail address of a checkout by its token; None if it is gone."""

    context_key = "saleor_crm_plugin.owner_of_checkout"

    def batch_load(self, keys: Sequence[UUID]) -> list[tuple[int | None, str] | None]:
        rows = Checkout.objects.using(self.database_connection_name).filter(pk__in=keys)
        owners = {pk: (user_id, email or "") for pk, user_id, email in rows.values_list("pk", "user_id", "email")}
        return [owners.get(key) for key in keys]


class TimelineCountByProfileIdLoader(DataLoader):
    """Number of entries by (profile id, `Selection`)."""

    context_key = "saleor_crm_plugin.timeline_count_by_profile_id"

    def batch_load(self, keys: Sequence[tuple[int, Selection]]) -> list[int]:
        found: dict[tuple[int, Selection], int] = {}
        for selection in dict.fromkeys(selection for _, selection in keys):
            profile_ids = [profile_id for profile_id, asked in keys if asked == selection]
            counts = count_entries(profile_ids, SOURCES, selection, self.database_connection_name)
            found |= {(profile_id, selection): count for profile_id, count in counts.items()}
        return [found.get(key, 0) for key in keys]
