"""Members and memberships of many segments and customers at once, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connections
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.lists import Page
from saleor_crm_plugin.graphql.page_loaders import CountLoader
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership

# Along the constraint's index for each segment, so that a page costs the same wherever it is.
_MEMBERS = """
SELECT asked.segment_id, page.profile_id
FROM unnest(%s::bigint[]) AS asked (segment_id)
CROSS JOIN LATERAL (
    SELECT member.profile_id FROM crm_segment_membership member
    WHERE member.segment_id = asked.segment_id AND (%s::bigint IS NULL OR member.profile_id {side} %s::bigint)
    ORDER BY member.profile_id {direction} LIMIT %s
) AS page
"""


class MemberCountBySegmentIdLoader(CountLoader):
    context_key = "saleor_crm_plugin.member_count_by_segment_id"
    model = SegmentMembership
    owner = "segment_id"


class MembersBySegmentIdLoader(DataLoader):
    """A page of profiles for each (segment id, `Page`), newest first, with one more than the page holds."""

    context_key = "saleor_crm_plugin.members_by_segment_id"

    def batch_load(self, keys: Sequence[tuple[int, Page]]) -> list[list[CustomerProfile]]:
        found: dict[tuple[int, Page], list[int]] = {}
        for page in dict.fromkeys(page for _, page in keys):
            segments = [segment_id for segment_id, asked in keys if asked == page]
            for segment_id, profile_id in self._read(segments, page):
                found.setdefault((segment_id, page), []).append(profile_id)
        ids = {profile_id for members in found.values() for profile_id in members}
        profiles = CustomerProfile.objects.using(self.database_connection_name).in_bulk(ids)
        return [[profiles[profile_id] for profile_id in found.get(key, ()) if profile_id in profiles] for key in keys]

    def _read(self, segment_ids: list[int], page: Page) -> list[tuple[int, int]]:
        side, direction = (">", "ASC") if page.backwards else ("<", "DESC")
        statement = _MEMBERS.format(side=side, direction=direction)
        with connections[self.database_connection_name].cursor() as cursor:
            cursor.execute(statement, [segment_ids, page.cursor, page.cursor, page.size + 1])
            rows: list[tuple[int, int]] = cursor.fetchall()
        return rows


class SegmentsByProfileIdLoader(DataLoader):
    """The segments that a customer is in, by name."""

    context_key = "saleor_crm_plugin.segments_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[CustomerSegment]]:
        rows = (
            SegmentMembership.objects.using(self.database_connection_name)
            .filter(profile_id__in=keys)
            .select_related("segment")
            .order_by("segment__name")
        )
        found: dict[int, list[CustomerSegment]] = {}
        for row in rows:
            found.setdefault(row.profile_id, []).append(row.segment)
        return [found.get(profile_id, []) for profile_id in keys]
