"""`recommendationEventTrack`: what a storefront reports of its visitors."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking import limiting
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.devshop.factories import make_customer, make_product
from tests.graphql.client import Api, global_id
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

SESSION = "b7b1c0de-7f2e-4c1a-9d55-0f6a1b2c3d4e"
TRACK = """
mutation ($input: RecommendationEventTrackInput!) {
  recommendationEventTrack(input: $input) {
    status recorded duplicates retryAfter errors { field message code index }
  }
}
"""


def event(product, type="CLICKED", **fields):
    given = {"type": type, "productId": global_id("Product", getattr(product, "pk", product)), **fields}
    return given if type == "VIEWED" else {"kind": "FOR_YOU", "position": 1, **given}


def track(api, *events, session=SESSION, channel="default-channel"):
    given = {"channel": channel, "events": list(events)}
    if session is not None:
        given["sessionId"] = session
    return api.data(TRACK, input=given)["recommendationEventTrack"]


def refusal(api, *events, **arguments):
    answer = track(api, *events, **arguments)
    assert (answer["status"], answer["recorded"]) == (None, None)
    assert not RecommendationEvent.objects.exists()
    (error,) = answer["errors"]
    return error["field"], error["code"], error["index"]


def recorded(count, duplicates=0):
    return {"status": "RECORDED", "recorded": count, "duplicates": duplicates, "retryAfter": None, "errors": []}


class TestWho:
    def test_an_anonymous_visitor(self, shop, anonymous):
        assert track(anonymous, event(shop.apple), event(shop.apple, "VIEWED")) == recorded(2)
        assert {row.profile_id for row in RecommendationEvent.objects.all()} == {None}

    def test_a_customer_with_and_without_a_session(self, shop, as_ann):
        assert track(as_ann, event(shop.apple)) == recorded(1)
        assert track(as_ann, event(shop.pear), session=None) == recorded(1)
        profile = CustomerProfile.objects.get(user=shop.ann)
        assert {row.profile_id for row in RecommendationEvent.objects.all()} == {profile.pk}

    def test_an_app_passes_on_what_visitors_do(self, shop, app_with):
        assert track(app_with(), event(shop.apple)) == recorded(1)

    def test_nobody(self, shop, anonymous, app_with):
        assert refusal(anonymous, event(shop.apple), session=None) == ("sessionId", "REQUIRED", None)
        assert refusal(app_with(), event(shop.apple), session=None) == ("sessionId", "REQUIRED", None)

    def test_a_customer_without_a_profile(self, shop):
        new = Api(make_customer())
        CustomerProfile.objects.filter(user=new.user).delete()
        assert refusal(new, event(shop.apple), session=None) == ("sessionId", "REQUIRED", None)
        assert track(new, event(shop.apple)) == recorded(1)

    @pytest.mark.parametrize(
        "session", ["", "short", "x" * 65, "ann@example.com-and-more", "<script>alert(1)</script>", "\0" * 20, "é" * 20]
    )
    def test_a_session_that_is_none(self, shop, anonymous, session):
        assert refusal(anonymous, event(shop.apple), session=session) == ("sessionId", "INVALID", None)

    def test_whoever_refuses_is_told_to_stop(self, shop, as_ann):
        CustomerProfile.objects.filter(user=shop.ann).update(recommendations_allowed=False)
        answer = track(as_ann, event(shop.apple))
        assert (answer["status"], answer["recorded"], answer["errors"]) == ("NOT_ALLOWED", 0, [])
        assert not RecommendationEvent.objects.exists()


class TestWhat:
    def test_the_same_again(self, shop, anonymous):
        key = str(uuid4())
        assert track(anonymous, event(shop.apple, eventId=key)) == recorded(1)
        assert track(anonymous, event(shop.apple, eventId=key)) == recorded(0, 1)

    def test_wrong_events_are_named_and_the_others_recorded(self, shop, anonymous):
        tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
        long_ago = (timezone.now() - timedelta(days=2)).isoformat()
        answer = track(
            anonymous,
            event(shop.apple),
            event(shop.apple, productId="nonsense"),
            event(shop.apple, productId=global_id("Order", 1)),
            event(10**9),
            event(shop.apple, position=0),
            event(shop.apple, occurredAt=tomorrow),
            event(shop.apple, occurredAt=long_ago),
            event(shop.apple, eventId="x"),
            event(shop.apple, kind=None),
            event(shop.apple, "VIEWED", kind="SIMILAR"),
            event(shop.pear, "ADDED", kind="SIMILAR", position=None),
        )
        assert (answer["status"], answer["recorded"], answer["duplicates"]) == ("RECORDED", 2, 0)
        assert [(error["index"], error["field"], error["code"]) for error in answer["errors"]] == [
            (1, "productId", "GRAPHQL_ERROR"),
            (2, "productId", "GRAPHQL_ERROR"),
            (3, "productId", "NOT_FOUND"),
            (4, "position", "INVALID"),
            (5, "occurredAt", "INVALID"),
            (6, "occurredAt", "INVALID"),
            (7, "eventId", "INVALID"),
            (8, "kind", "REQUIRED"),
            (9, "kind", "INVALID"),
        ]

    def test_a_product_that_the_channel_does_not_show(self, shop, anonymous):
        hidden = make_product(channel=shop.channel, published=False)
        answer = track(anonymous, event(hidden))
        assert [error["code"] for error in answer["errors"]] == ["NOT_FOUND"]

    @pytest.mark.parametrize("channel", ["", "nowhere", "\0", "x" * 10_000])
    def test_a_channel_that_is_none(self, shop, anonymous, channel):
        assert refusal(anonymous, event(shop.apple), channel=channel) == ("channel", "NOT_FOUND", None)

    def test_a_channel_that_does_not_sell(self, shop, anonymous):
        type(shop.channel).objects.update(is_active=False)
        assert refusal(anonymous, event(shop.apple)) == ("channel", "NOT_FOUND", None)

    def test_none_and_too_many(self, shop, anonymous):
        assert refusal(anonymous) == ("events", "REQUIRED", None)
        assert refusal(anonymous, *[event(shop.apple)] * 101) == ("events", "INVALID", None)
        assert track(anonymous, *[event(shop.apple)] * 100) == recorded(1, 99)


class TestHowMuch:
    def test_a_visitor_who_sends_too_much_is_told_when_to_come_back(self, shop, anonymous, as_ann, monkeypatch):
        for _ in range(limiting.SENDER_LIMIT // 100):
            assert track(anonymous, *[event(shop.apple)] * 100)["errors"] == []
        answer = track(anonymous, event(shop.apple))
        assert [(error["field"], error["code"]) for error in answer["errors"]] == [("events", "RATE_LIMITED")]
        assert (answer["status"], answer["recorded"]) == (None, None)
        assert 1 <= answer["retryAfter"] <= 60
        assert track(as_ann, event(shop.apple), session=None) == recorded(1)

    def test_the_whole_shop(self, shop, anonymous):
        crm_settings(tracking_events_per_minute="600")
        answers = [track(anonymous, *[event(shop.apple)] * 100, session=str(uuid4())) for _ in range(7)]
        assert [answer["status"] for answer in answers] == ["RECORDED"] * 6 + [None]
        assert answers[-1]["errors"][0]["code"] == "RATE_LIMITED"
        assert answers[-1]["retryAfter"] >= 1

    def test_statements_do_not_grow_with_the_events(self, shop, as_ann):
        def statements(count):
            events = [event(shop.apple, eventId=str(uuid4())) for _ in range(count)]
            return as_ann.statements(TRACK, input={"channel": "default-channel", "events": events})

        few = statements(1)
        assert statements(100) == few
        # Settings, channel, quota and the events; savepoints only because of the test.
        assert few <= as_ann.statements("{ me { email } }") + 4 + 2 * 3


class TestSwitchedOff:
    @pytest.mark.parametrize("settings", [{"tracking_enabled": False}, {"active": False}])
    def test_nothing_is_kept_and_the_storefront_is_told(self, shop, anonymous, settings):
        crm_settings(**settings)
        answer = {"status": "DISABLED", "recorded": 0, "duplicates": 0, "retryAfter": None, "errors": []}
        assert track(anonymous, event(shop.apple)) == answer
        # Whatever else is wrong: nobody has to correct what nobody keeps.
        assert track(anonymous, event(10**9), session=None, channel="nowhere") == answer
        assert not RecommendationEvent.objects.exists()


def test_without_tables_it_cannot_be_just_now_and_the_request_goes_on(shop, anonymous, caplog):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_recommendation_event RENAME TO gone")
    assert track(anonymous, event(shop.apple))["errors"][0]["code"] == "UNAVAILABLE"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO crm_recommendation_event")
    assert track(anonymous, event(shop.apple)) == recorded(1)
    assert "cannot be recorded" in caplog.text


def test_the_ids_of_events_do_not_come_from_the_outside(shop, anonymous):
    key = str(uuid4())
    track(anonymous, event(shop.apple, eventId=key))
    assert str(RecommendationEvent.objects.get().pk) != key
