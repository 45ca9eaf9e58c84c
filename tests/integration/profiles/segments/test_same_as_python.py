"""SQL finds whom plain Python finds, for random customers and random queries."""

from __future__ import annotations

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_crm_plugin.ingestion.segments import VOCABULARY
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.looking import explain, preview
from saleor_crm_plugin.profiles.segments.membership import refresh_profiles, refresh_segment
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.segments.understanding import understand
from tests.integration.profiles.segments.people import NOW, Person, make_catalogue, store
from tests.integration.profiles.segments.sayings import Saying, people, sayings

THOROUGHLY = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class TestSameAsPython(TestCase):
    @THOROUGHLY
    @given(persons=st.lists(people, min_size=3, max_size=8), queries=st.lists(sayings, min_size=10, max_size=20))
    def test_preview_full_refresh_refresh_of_some_and_explanation(
        self, persons: list[Person], queries: list[Saying]
    ) -> None:
        make_catalogue()
        ids = store(persons)
        # Profiles that others were merged into are there too, and in no segment.
        others = set(CustomerProfile.objects.exclude(pk__in=ids).values_list("pk", flat=True))
        CustomerSegment.objects.all().delete()
        for number, saying in enumerate(queries):
            expected = {
                profile_id
                for person, profile_id in zip(persons, ids, strict=True)
                if person.is_customer and saying.means(person)
            }
            query = understand(saying.text, VOCABULARY, NOW, "default")
            found = preview(query, 100, "default")
            assert set(found.sample) - others == expected, saying.text
            segment = CustomerSegment.objects.create(name=str(number), slug=str(number), query=saying.text)
            refresh_segment(segment.pk, VOCABULARY, NOW, "default")
            assert members(segment) - others == expected, saying.text
            for person, profile_id in zip(persons[:2], ids, strict=False):
                explanation = explain(query, profile_id, "default")
                assert explanation is not None
                assert explanation.matches == (profile_id in expected), saying.text
                assert explanation.is_customer == person.is_customer
        in_full = set(SegmentMembership.objects.values_list("segment_id", "profile_id"))
        SegmentMembership.objects.all().delete()
        with transaction.atomic():
            refresh_profiles([*ids, *others], VOCABULARY, NOW, "default")
        assert set(SegmentMembership.objects.values_list("segment_id", "profile_id")) == in_full


def members(segment: CustomerSegment) -> set[int]:
    return set(segment.memberships.values_list("profile_id", flat=True))
