"""The segments that rules of merchandising ask for: read only where a rule for the list names some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from promise import Promise
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.access import authenticated_user
from saleor_crm_plugin.profiles.consents.queries import may_be_recommended_to
from saleor_crm_plugin.profiles.merging.family import heads_of_users, users_of, with_family
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from saleor_crm_plugin.recommendations.arranging import Policy


class SegmentIdsByUserIdLoader(DataLoader):
    """The ids of the segments that a person is in, by user id; none for whoever refuses to be recommended to.

    One statement, also where the profile is not needed for anything else.
    """

    context_key = "saleor_crm_plugin.segment_ids_by_user_id"

    def batch_load(self, keys: Sequence[int]) -> list[frozenset[int]]:
        memberships = SegmentMembership.objects.filter(profile_id=OuterRef("pk")).order_by("segment_id")
        heads = CustomerProfile.objects.using(self.database_connection_name).filter(pk__in=heads_of_users(keys))
        profiles = with_family(heads).annotate(segment_ids=ArraySubquery(memberships.values("segment_id")))
        found = {
            user_id: frozenset(profile.segment_ids)
            for profile in profiles
            if may_be_recommended_to(profile)
            for user_id in users_of(profile)
        }
        return [found.get(user_id, frozenset()) for user_id in keys]


def segments_if_asked(info: Any, policy: Policy, kind: str, user_id: int | None) -> Promise[frozenset[int]]:
    """Promise of the segments by which a list of this kind may differ; of none, at no cost, where no rule asks.

    Args:
        user_id: the user whom the list is for; None: whoever is signed in and looks at it.
    """
    if not policy.asks_for_segments(kind):
        return Promise.resolve(frozenset())
    if user_id is None:
        visitor = authenticated_user(info)
        user_id = visitor and visitor.pk
    return Promise.resolve(frozenset()) if user_id is None else SegmentIdsByUserIdLoader(info.context).load(user_id)
