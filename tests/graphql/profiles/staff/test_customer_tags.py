"""`customerTags`: what a form offers to choose from."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.profiles.notes.models import CustomerTag

pytestmark = pytest.mark.django_db

TAGS = "query ($search: String, $first: Int) { customerTags(search: $search, first: $first) { name customersCount } }"


@pytest.fixture(autouse=True)
def _tags(ann_profile, guest_profile):
    for profile, name in [
        (ann_profile, "wholesale"),
        (ann_profile, "vip"),
        (guest_profile, "vip"),
        (guest_profile, "100 %"),
    ]:
        CustomerTag.objects.create(profile=profile, name=name, assigned_at=timezone.now())


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, [("vip", 2), ("100 %", 1), ("wholesale", 1)]),
        ({"first": 1}, [("vip", 2)]),
        ({"search": " SALE "}, [("wholesale", 1)]),
        ({"search": "%"}, [("100 %", 1)]),
        ({"search": "nothing"}, []),
    ],
)
def test_the_most_frequent_first(staff, arguments, found):
    tags = staff.data(TAGS, **arguments)["customerTags"]
    assert [(tag["name"], tag["customersCount"]) for tag in tags] == found


def test_limits(staff):
    for arguments in ({"first": 0}, {"first": 101}, {"search": "x" * 65}):
        assert staff.error(TAGS, **arguments)[0] == "GraphQLError"


def test_a_merged_customer_counts_once(staff, ann_profile, guest_profile):
    merge_customers(guest_profile.pk, ann_profile.pk, SYSTEM, timezone.now())
    tags = {tag["name"]: tag["customersCount"] for tag in staff.data(TAGS)["customerTags"]}
    assert tags == {"vip": 1, "100 %": 1, "wholesale": 1}
    CustomerTag.objects.filter(profile=ann_profile, name="vip").delete()
    assert "vip" not in {tag["name"] for tag in staff.data(TAGS)["customerTags"]}
