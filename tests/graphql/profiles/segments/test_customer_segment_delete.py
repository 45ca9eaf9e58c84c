"""`customerSegmentDelete`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

DELETE = """
mutation ($id: ID!) { customerSegmentDelete(id: $id) { segment { id name } errors { field code } } }
"""


def delete(api, segment):
    return api.data(DELETE, id=global_id("CustomerSegment", segment.pk))["customerSegmentDelete"]


def test_it_is_gone_with_its_memberships_and_nobody_has_left(staff, segment):
    key = global_id("CustomerSegment", segment.pk)
    assert delete(staff, segment) == {"segment": {"id": key, "name": "Twice"}, "errors": []}
    assert not CustomerSegment.objects.exists()
    assert not SegmentMembership.objects.exists()
    events = ProfileEvent.objects.filter(subject_id=str(segment.pk))
    assert list(events.values_list("kind", flat=True)) == [EventKind.SEGMENT_ENTERED]


def test_one_that_there_is_not(staff, segment):
    assert delete(staff, CustomerSegment(pk=0)) == {"segment": None, "errors": [{"field": "id", "code": "NOT_FOUND"}]}


def test_only_who_manages_users(everybody_else, app_with, segment):
    for requestor in everybody_else:
        assert requestor.denied(DELETE, id=global_id("CustomerSegment", segment.pk)) == {"MANAGE_USERS"}
    assert CustomerSegment.objects.exists()
    assert delete(app_with("MANAGE_USERS"), segment)["errors"] == []
