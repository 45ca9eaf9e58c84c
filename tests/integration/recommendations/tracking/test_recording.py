"""Events are stored once, in one statement, for products that the channel shows, of those who allow it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import InternalError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_crm_plugin.profiles.consents.models import ConsentPolicy
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking.holdout import (
    in_holdout,
    profile_identity,
    sql_hundredth,
    sql_in_holdout,
)
from saleor_crm_plugin.recommendations.tracking.identity import secret, session_digest, sql_session_digest
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from saleor_crm_plugin.recommendations.tracking.recording import Recorded
from tests.devshop.factories import make_channel
from tests.integration.recommendations.shop import publish
from tests.integration.recommendations.tracking.visits import (
    ADDED,
    CLICKED,
    NOW,
    OTHER_SESSION,
    SESSION,
    SHOWN,
    VIEWED,
    ago,
    customer,
    event,
    kept,
    product_of,
    send,
)

pytestmark = pytest.mark.django_db


def test_what_is_kept_of_an_event(shop):
    user, profile = customer()
    model = publish(popular={shop.channel: [shop.pear]})
    sent = event(CLICKED, shop.apple, "buy_again", position=3, occurred_at=ago(minutes=2))
    assert send(sent, channel=shop.channel, user=user) == Recorded(recorded=1)
    row = RecommendationEvent.objects.values().get()
    assert row.pop("id")
    assert row == {
        "type": "clicked",
        "kind": "buy_again",
        "product_id": shop.apple.pk,
        "channel_id": shop.channel.pk,
        "position": 3,
        "model_id": model.pk,
        "profile_id": profile.pk,
        "session": session_digest(SESSION),
        "held_out": False,
        "occurred_at": ago(minutes=2),
    }


def test_visitors_are_told_apart_by_session_and_customers_by_profile(shop):
    user, profile = customer()
    send(event(VIEWED, shop.apple), channel=shop.channel)
    send(event(VIEWED, shop.apple), channel=shop.channel, session=OTHER_SESSION)
    send(event(VIEWED, shop.apple), channel=shop.channel, user=user, session=None)
    rows = set(RecommendationEvent.objects.values_list("profile_id", "session"))
    assert rows == {(None, session_digest(SESSION)), (None, session_digest(OTHER_SESSION)), (profile.pk, None)}


@pytest.mark.parametrize("count", [1, 20, 100])
def test_one_statement_for_any_number(shop, count):
    products = [product_of(shop.channel) for _ in range(min(count, 20))]
    events = [event(SHOWN, products[number % 20], "similar", event_id=f"event-{number:04}") for number in range(count)]
    with CaptureQueriesContext(connection) as captured:
        assert send(*events, channel=shop.channel).recorded == count
    assert len(captured) == 1


def test_nothing_to_store_is_no_statement(shop, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert send(channel=shop.channel) == Recorded()
        assert send(event(SHOWN, 2**31), event(SHOWN, 0), channel=shop.channel) == Recorded(unsold=[0, 1])


class TestRepeats:
    def test_the_same_id_counts_once_whatever_else_is_said(self, shop):
        first = event(SHOWN, shop.apple, event_id="event-0001")
        again = event(SHOWN, shop.pear, event_id="event-0001", occurred_at=ago(hours=1))
        assert send(first, channel=shop.channel) == Recorded(recorded=1)
        assert send(again, first, channel=shop.channel) == Recorded(duplicates=2)
        assert kept() == [("shown", "for_you", shop.apple.pk, None, True)]

    def test_twice_in_one_request(self, shop):
        twice = event(CLICKED, shop.apple)
        assert send(twice, twice, channel=shop.channel) == Recorded(recorded=1, duplicates=1)

    def test_without_an_id_once_in_half_an_hour(self, shop):
        # The clock's half hours: 12:10 and 12:29 are in one, 12:31 in the next.
        assert send(event(SHOWN, shop.apple), channel=shop.channel).recorded == 1
        assert send(event(SHOWN, shop.apple), channel=shop.channel, at=NOW + timedelta(minutes=19)).duplicates == 1
        assert send(event(SHOWN, shop.apple), channel=shop.channel, at=NOW + timedelta(minutes=21)).recorded == 1

    def test_what_differs_is_not_the_same(self, shop):
        other = make_channel("other")
        shop.apple.channel_listings.create(channel=other, is_published=True, currency=other.currency_code)
        sent = [event(SHOWN, shop.apple), event(SHOWN, shop.apple, "discover"), event(CLICKED, shop.apple)]
        assert send(*sent, event(SHOWN, shop.pear), channel=shop.channel).recorded == 4
        assert send(event(SHOWN, shop.apple), channel=other).recorded == 1

    def test_an_id_of_another_visitor_cannot_be_taken(self, shop):
        sent = event(SHOWN, shop.apple, event_id="event-0001")
        assert send(sent, channel=shop.channel).recorded == 1
        assert send(sent, channel=shop.channel, session=OTHER_SESSION).recorded == 1

    def test_what_is_shown_again_after_signing_in_is_shown_to_the_customer(self, shop):
        user, profile = customer()
        other, _ = customer()
        shown = event(SHOWN, shop.apple)
        assert send(shown, channel=shop.channel).recorded == 1
        assert send(shown, shown, channel=shop.channel, user=user) == Recorded(recorded=1, duplicates=1)
        assert send(shown, channel=shop.channel).duplicates == 1
        assert {row[3] for row in kept()} == {None, profile.pk}
        assert send(shown, channel=shop.channel, user=other).recorded == 1

    @pytest.mark.parametrize(
        ("type", "fields"), [(CLICKED, {}), (ADDED, {}), (VIEWED, {}), (SHOWN, {"event_id": "event-0001"})]
    )
    def test_signing_in_within_a_session_repeats_nothing_else(self, shop, type, fields):
        user, _ = customer()
        assert send(event(type, shop.apple, **fields), channel=shop.channel).recorded == 1
        assert send(event(type, shop.apple, **fields), channel=shop.channel, user=user).duplicates == 1


class TestProducts:
    def test_only_what_the_channel_shows(self, shop):
        other = make_channel("other")
        elsewhere = product_of(other)
        hidden, tomorrow = (product_of(shop.channel) for _ in range(2))
        hidden.channel_listings.update(is_published=False)
        tomorrow.channel_listings.update(published_at=NOW + timedelta(days=1))
        wrong = [elsewhere, hidden, tomorrow, 10**9, 2**31 - 1, 2**62, -1]
        sent = [event(VIEWED, product) for product in wrong]
        found = send(*sent, event(VIEWED, shop.apple), channel=shop.channel)
        assert found == Recorded(recorded=1, unsold=list(range(7)))
        assert [row[2] for row in kept()] == [shop.apple.pk]

    def test_a_product_outside_of_listings_has_a_page(self, shop):
        shop.apple.channel_listings.update(visible_in_listings=False)
        assert send(event(VIEWED, shop.apple), channel=shop.channel).recorded == 1


class TestConsent:
    @pytest.mark.parametrize(
        "changes",
        [{"profiling_allowed": False}, {"recommendations_allowed": False}, {"erased_at": timezone.now()}],
        ids=["profiling", "recommendations", "erased"],
    )
    @pytest.mark.parametrize("session", [SESSION, None])
    def test_nothing_is_kept_of_whoever_refuses(self, shop, changes, session):
        user, profile = customer()
        CustomerProfile.objects.filter(pk=profile.pk).update(**changes)
        found = send(event(VIEWED, shop.apple), channel=shop.channel, user=user, session=session)
        assert found == Recorded(refused=True)
        assert kept() == []

    def test_a_merged_customer_goes_by_what_the_person_says(self, shop):
        user, profile = customer()
        head = CustomerProfile.objects.create()
        CustomerProfile.objects.filter(pk=profile.pk).update(merged_into=head)
        assert send(event(VIEWED, shop.apple), channel=shop.channel, user=user).recorded == 1
        assert kept() == [("viewed", "", shop.apple.pk, profile.pk, True)]
        CustomerProfile.objects.filter(pk=head.pk).update(recommendations_allowed=False)
        assert send(event(VIEWED, shop.pear), channel=shop.channel, user=user).refused

    def test_a_user_without_a_profile_is_a_session(self, shop):
        user, profile = customer()
        profile.delete()
        assert send(event(VIEWED, shop.apple), channel=shop.channel, user=user).recorded == 1
        assert kept() == [("viewed", "", shop.apple.pk, None, True)]
        assert send(event(VIEWED, shop.apple), channel=shop.channel, user=user, session=None) == Recorded(unknown=True)

    def test_where_consent_is_required_a_user_without_a_profile_has_not_given_it(self, shop):
        user, profile = customer()
        profile.delete()
        ConsentPolicy.objects.create(consent_required=True)
        assert send(event(VIEWED, shop.apple), channel=shop.channel, user=user) == Recorded(refused=True)
        assert send(event(VIEWED, shop.apple), channel=shop.channel, user=user, session=None) == Recorded(refused=True)
        assert kept() == []
        assert send(event(VIEWED, shop.apple), channel=shop.channel).recorded == 1, "a visitor the storefront has asked"


class TestHoldout:
    def test_it_is_noted_who_was_held_out(self, shop):
        for _ in range(10):
            user, _profile = customer()
            send(event(SHOWN, shop.apple), channel=shop.channel, user=user, session=None, share=0.5)
        rows = RecommendationEvent.objects.values_list("profile_id", "held_out")
        assert {(pk, in_holdout(profile_identity(pk), 0.5)) for pk, _ in rows} == set(rows)

    def test_the_database_agrees_with_python(self, db):
        with connection.cursor() as cursor:
            for share in (0.0, 0.05, 0.5, 1.0):
                condition = sql_in_holdout("number", "%s")
                cursor.execute(f"SELECT number FROM generate_series(1, 2000) number WHERE {condition}", [share])
                found = {number for (number,) in cursor.fetchall()}
                assert found == {number for number in range(1, 2001) if in_holdout(profile_identity(number), share)}

    def test_the_hundredth_of_a_profile(self, db):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT number, {sql_hundredth('number')} FROM generate_series(1, 2000) AS number")
            found = dict(cursor.fetchall())
        for percent in (0, 1, 7, 29, 50):
            held_out = {number for number in found if in_holdout(profile_identity(number), percent / 100)}
            assert {number for number, hundredth in found.items() if hundredth < percent} == held_out

    def test_visitors_are_not_held_out(self, shop):
        send(event(SHOWN, shop.apple), channel=shop.channel, share=1.0)
        assert not RecommendationEvent.objects.get().held_out


class TestDigests:
    def test_the_session_does_not_stand_in_the_table(self, shop):
        send(event(VIEWED, shop.apple), channel=shop.channel)
        row = str(RecommendationEvent.objects.values().get())
        assert SESSION not in row

    def test_the_database_agrees_with_python(self, db):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {sql_session_digest('%(id)s')}", {"secret": secret(), "id": SESSION})
            assert cursor.fetchone()[0] == session_digest(SESSION)

    def test_another_shop_has_others(self, db, settings):
        before = session_digest(SESSION)
        settings.SECRET_KEY = "another"
        assert session_digest(SESSION) != before


class TestConstraints:
    def test_rows_cannot_be_changed(self, shop):
        user, _profile = customer()
        send(event(CLICKED, shop.apple), channel=shop.channel, user=user)
        changes = (
            {"product_id": 1},
            {"profile": None},
            {"session": None},
            {"profile": None, "session": None, "type": "x"},
        )
        for change in changes:
            with pytest.raises((IntegrityError, InternalError), match="append-only"), transaction.atomic():
                RecommendationEvent.objects.update(**change)
        assert RecommendationEvent.objects.update(profile=None, session=None) == 1

    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"type": "viewed", "kind": "for_you"}, "has_a_list_unless_it_is_a_view"),
            ({"type": "viewed", "position": 1}, "has_a_list_unless_it_is_a_view"),
            ({"type": "shown"}, "has_a_list_unless_it_is_a_view"),
            ({"type": "shown", "kind": "for_you", "position": 0}, "position_is_in_the_list"),
            ({"type": "added", "kind": "for_you", "position": 1001}, "position_is_in_the_list"),
        ],
    )
    def test_rows_make_sense(self, db, values, constraint):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            RecommendationEvent.objects.create(
                id="00000000-0000-0000-0000-000000000001", product_id=1, channel_id=1, occurred_at=NOW, **values
            )


def test_types_of_events(shop):
    sent = [event(SHOWN, shop.apple), event(CLICKED, shop.apple), event(ADDED, shop.apple), event(VIEWED, shop.apple)]
    assert send(*sent, channel=shop.channel).recorded == 4
    assert {row[:2] for row in kept()} == {
        ("shown", "for_you"),
        ("clicked", "for_you"),
        ("added", "for_you"),
        ("viewed", ""),
    }
