"""`customerProfileMergePreview`: what staff look at first."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id
from tests.graphql.profiles.merging.conftest import MERGE, PREVIEW
from tests.integration.profiles.merging.shop import everything, say, tag

pytestmark = pytest.mark.django_db


def preview(api, source, target, **arguments):
    answer = api.data(PREVIEW, source=source, target=target, **arguments)["customerProfileMergePreview"]
    assert answer["errors"] == []
    return answer["preview"]


def test_what_would_happen(ids, staff):
    guy = CustomerProfile.objects.get(user=None, merged_into=None)
    ann = CustomerProfile.objects.get(user__email="ann@example.com")
    say(guy.pk, ConsentPurpose.PROFILING, ConsentState.REFUSED)
    say(guy.pk, ConsentPurpose.MARKETING_EMAIL, ConsentState.GRANTED)
    tag(guy.pk, "vip")
    tag(ann.pk, "club", "vip")
    before = everything()

    found = preview(staff, ids["guy"], ids["ann"], days=7)

    assert everything() == before, "nothing is changed"
    until = datetime.fromisoformat(found.pop("undoUntil"))
    assert timedelta(days=6, hours=23) < until - timezone.now() <= timedelta(days=7)
    assert found == {
        "source": {
            "profileId": ids["guy"],
            "name": "",
            "emails": ["guy@example.com"],
            "ordersCount": 1,
            "points": 100,
            "pendingPoints": 0,
            "debt": 0,
            "tags": ["vip"],
        },
        "target": {
            "profileId": ids["ann"],
            "name": "Ann Archer",
            "emails": ["ann@example.com"],
            "ordersCount": 2,
            "points": 500,
            "pendingPoints": 0,
            "debt": 0,
            "tags": ["club", "vip"],
        },
        "stricterConsents": ["PROFILING"],
        "tags": ["club", "vip"],
        "refusals": [],
    }


def test_more_points_than_an_int_holds_are_shown_as_the_most(ids, staff):
    LoyaltyAccount.objects.filter(profile__user__email="ann@example.com").update(active=2**31, pending=2**31)
    LoyaltyAccount.objects.filter(profile__user=None).update(deficit=2**31)
    found = preview(staff, ids["guy"], ids["ann"])
    assert (found["target"]["points"], found["target"]["pendingPoints"]) == (2**31 - 1, 2**31 - 1)
    assert found["source"]["debt"] == 2**31 - 1


def test_everything_that_stands_against_it(ids, staff):
    LoyaltyAccount.objects.filter(profile__user=None).update(held=1)
    CustomerProfile.objects.filter(user=None).update(erased_at=timezone.now())
    found = preview(staff, ids["guy"], ids["ann"])
    assert [(each["field"], each["code"]) for each in found["refusals"]] == [("sourceId", "NOT_APPLICABLE")] * 2
    unknown = preview(staff, global_id("CustomerProfile", 2**30), ids["ann"])
    assert unknown["source"] is None
    assert [(each["field"], each["code"]) for each in unknown["refusals"]] == [("sourceId", "NOT_FOUND")]
    itself = preview(staff, ids["ann"], ids["ann"])
    assert [(each["field"], each["code"]) for each in itself["refusals"]] == [("targetId", "INVALID")]


def test_a_merged_target_stands_for_its_head(ids, merged, staff):
    assert preview(staff, ids["guy"], ids["ben"])["target"]["profileId"] == ids["ann"]


def test_bad_arguments(shop, ids, staff):
    for arguments, field in (
        ({"source": global_id("User", shop.ann.pk), "target": ids["ann"]}, "sourceId"),
        ({"source": ids["guy"], "target": "nonsense"}, "targetId"),
        ({"source": ids["guy"], "target": ids["ann"], "days": 0}, "undoDays"),
    ):
        answer = staff.data(PREVIEW, **arguments)["customerProfileMergePreview"]
        assert [error["field"] for error in answer["errors"]] == [field]
        assert answer["preview"] is None


def test_only_who_manages_users(ids, as_ann, anonymous, staff_with, app_with):
    for requestor in (as_ann, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS"), app_with("MANAGE_ORDERS")):
        assert requestor.denied(PREVIEW, source=ids["guy"], target=ids["ann"]) == {"MANAGE_USERS"}
    assert preview(app_with("MANAGE_USERS"), ids["guy"], ids["ann"])["refusals"] == []


def test_it_says_what_merging_then_says(ids, merged, staff):
    """A second time."""
    (refusal,) = preview(staff, ids["ben"], ids["ann"])["refusals"]
    (error,) = staff.data(MERGE, source=ids["ben"], target=ids["ann"])["customerProfileMerge"]["errors"]
    assert refusal == {name: error[name] for name in ("field", "code", "message")}
