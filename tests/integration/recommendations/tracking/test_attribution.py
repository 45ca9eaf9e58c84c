"""What was bought after a click: by whom, within which time, for how much."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from saleor.order import OrderStatus

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileOrder
from saleor_crm_plugin.recommendations.tracking.attribution import Attributed, attributed
from saleor_crm_plugin.recommendations.tracking.forgetting import forget_events
from tests.devshop.factories import make_channel, make_order, refund_order
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
    product_of,
    send,
)

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)
MONTH_AGO = ago(days=30)
_numbers = itertools.count()


def touch(shop, product, when, kind="for_you", type=CLICKED, user=None, session=SESSION):
    sent = event(type, product, kind, occurred_at=when, event_id=f"event-{next(_numbers):06}")
    assert send(sent, channel=shop.channel, user=user, session=session, at=when).recorded == 1


def buy(shop, *products, when=NOW, user=None, session=None, channel=None, **fields):
    order = make_order(
        user,
        email="" if user else "guest@example.com",
        channel=channel or shop.channel,
        lines=[(product, 1) for product in products],
        created_at=when,
        metadata={} if session is None else {"crm_session": session},
        **fields,
    )
    sync(order)
    return order


def sync(order) -> None:
    assert not sync_orders([order.pk]).failed


def found(shop, since=MONTH_AGO, until=NOW, window=WEEK) -> dict[str | None, Attributed]:
    return attributed(shop.channel.pk, since, until, window)


def one(kind="for_you", clicks=1, orders=1, lines=1, revenue=20):
    numbers = Attributed(clicks, orders, lines, Decimal(revenue))
    return {kind: numbers, None: numbers}


NOTHING = {None: Attributed()}


class TestWho:
    def test_a_customer_who_was_signed_in(self, shop):
        ann, _ = customer()
        touch(shop, shop.apple, ago(days=1), user=ann, session=None)
        buy(shop, shop.apple, user=ann)
        assert found(shop) == one()

    def test_a_guest_whose_session_is_left_in_the_checkout(self, shop):
        touch(shop, shop.apple, ago(days=1))
        buy(shop, shop.apple, session=SESSION)
        assert found(shop) == one()

    def test_a_visitor_who_signed_in_later(self, shop):
        ann, _ = customer()
        touch(shop, shop.apple, ago(days=1))
        touch(shop, shop.pear, ago(hours=3), type=VIEWED, user=ann)
        buy(shop, shop.apple, user=ann)
        assert found(shop) == one()

    def test_persons_of_several_profiles(self, shop):
        ann, profile = customer()
        head = CustomerProfile.objects.create()
        touch(shop, shop.apple, ago(days=1), user=ann, session=None)
        CustomerProfile.objects.filter(pk=profile.pk).update(merged_into=head)
        buy(shop, shop.apple, user=ann)
        assert ProfileOrder.objects.get().profile == head
        assert found(shop) == one()

    def test_nobody_else(self, shop):
        ann, _ = customer()
        ben, _ = customer()
        touch(shop, shop.apple, ago(days=1), user=ann)
        touch(shop, shop.apple, ago(days=1))
        buy(shop, shop.apple, user=ben)
        buy(shop, shop.apple)
        buy(shop, shop.apple, session=OTHER_SESSION)
        assert found(shop) == NOTHING

    def test_what_another_customer_clicked_in_the_same_browser(self, shop):
        ann, _ = customer()
        ben, _ = customer()
        touch(shop, shop.apple, ago(days=1), user=ann)
        touch(shop, shop.pear, ago(days=1), type=VIEWED, user=ben)
        buy(shop, shop.apple, user=ben, session=SESSION)
        assert found(shop) == NOTHING

    @pytest.mark.parametrize("forged", ["", "x" * 100_000, SESSION.upper(), "\u2603", "'; DROP TABLE"])
    def test_whatever_stands_in_the_metadata(self, shop, forged):
        touch(shop, shop.apple, ago(days=1))
        buy(shop, shop.apple, session=forged)
        assert found(shop) == NOTHING

    @pytest.mark.parametrize("metadata", [{}, {"crm_session": None}, {"crm_session": 5}, {"crm_session": ["a"]}, []])
    def test_metadata_of_any_shape(self, shop, metadata):
        touch(shop, shop.apple, ago(days=1))
        order = buy(shop, shop.apple)
        type(order).objects.update(metadata=metadata)
        assert found(shop) == NOTHING

    @pytest.mark.parametrize("flag", ["profiling_allowed", "recommendations_allowed"])
    def test_nothing_is_said_of_whoever_refuses(self, shop, flag):
        ann, profile = customer()
        touch(shop, shop.apple, ago(days=1))
        CustomerProfile.objects.filter(pk=profile.pk).update(**{flag: False})
        buy(shop, shop.apple, user=ann, session=SESSION)
        assert found(shop) == NOTHING

    def test_what_was_forgotten(self, shop):
        ann, profile = customer()
        touch(shop, shop.apple, ago(days=1), user=ann)
        buy(shop, shop.apple, user=ann, session=SESSION)
        forget_events([profile.pk])
        assert found(shop) == NOTHING


class TestWhen:
    @pytest.mark.parametrize(
        ("clicked", "counts"),
        [
            (timedelta(), True),
            (WEEK - timedelta(seconds=1), True),
            (WEEK, False),
            (timedelta(seconds=-1), False),
        ],
        ids=["at once", "just in time", "too late", "after the order"],
    )
    def test_the_window(self, shop, clicked, counts):
        touch(shop, shop.apple, NOW - clicked)
        buy(shop, shop.apple, session=SESSION)
        assert found(shop, until=NOW + timedelta(days=1)) == (one() if counts else NOTHING)

    def test_another_window(self, shop):
        touch(shop, shop.apple, ago(days=3))
        buy(shop, shop.apple, session=SESSION)
        assert found(shop, window=timedelta(days=2)) == NOTHING
        assert found(shop, window=timedelta(days=4)) == one()

    def test_clicks_of_the_time_that_is_asked_for_and_orders_until_their_window_ends(self, shop):
        touch(shop, shop.apple, ago(days=5))
        buy(shop, shop.apple, session=SESSION)
        assert found(shop, since=ago(days=6), until=ago(days=4)) == one()
        assert found(shop, since=ago(days=4), until=NOW) == NOTHING
        assert found(shop, since=ago(days=9), until=ago(days=5)) == NOTHING

    def test_a_line_is_in_the_report_of_its_last_touch_and_in_no_other(self, shop):
        touch(shop, shop.apple, ago(days=5), kind="similar")
        touch(shop, shop.apple, ago(days=3), kind="for_you")
        buy(shop, shop.apple, session=SESSION)
        clicked_alone = Attributed(1, 0, 0, Decimal(0))
        assert found(shop, until=ago(days=4)) == {"similar": clicked_alone, None: clicked_alone}
        assert found(shop, since=ago(days=4)) == one()

    def test_a_click_of_after_that_time_is_not_counted(self, shop):
        touch(shop, shop.apple, ago(days=3))
        buy(shop, shop.apple, session=SESSION)
        assert found(shop, until=ago(days=4)) == NOTHING


class TestWhat:
    def test_the_lines_that_were_clicked(self, shop):
        touch(shop, shop.apple, ago(days=1))
        buy(shop, shop.apple, shop.pear, session=SESSION)
        assert found(shop) == one()

    def test_showing_and_viewing_lead_to_nothing(self, shop):
        touch(shop, shop.apple, ago(days=1), type=SHOWN)
        touch(shop, shop.apple, ago(days=1), type=VIEWED)
        buy(shop, shop.apple, session=SESSION)
        assert found(shop) == NOTHING

    def test_putting_into_the_cart_does_without_a_click(self, shop):
        touch(shop, shop.apple, ago(days=1), type=ADDED)
        buy(shop, shop.apple, session=SESSION)
        assert found(shop) == one(clicks=0)

    def test_the_last_touch_has_the_line(self, shop):
        touch(shop, shop.apple, ago(days=3), kind="similar")
        touch(shop, shop.apple, ago(days=2), kind="for_you")
        touch(shop, shop.apple, ago(days=1), kind="discover", type=SHOWN)
        buy(shop, shop.apple, session=SESSION)
        assert found(shop) == {
            "similar": Attributed(1, 0, 0, Decimal(0)),
            "for_you": Attributed(1, 1, 1, Decimal(20)),
            None: Attributed(2, 1, 1, Decimal(20)),
        }

    def test_an_order_of_two_lists_counts_for_each_and_once_in_all(self, shop):
        touch(shop, shop.apple, ago(days=1), kind="similar")
        touch(shop, shop.pear, ago(days=1), kind="for_you")
        buy(shop, shop.apple, shop.pear, session=SESSION)
        assert found(shop) == {
            "similar": Attributed(1, 1, 1, Decimal(20)),
            "for_you": Attributed(1, 1, 1, Decimal(20)),
            None: Attributed(2, 1, 2, Decimal(40)),
        }

    def test_a_click_that_two_orders_follow_is_one(self, shop):
        touch(shop, shop.apple, ago(days=2))
        for days in (1, 0):
            buy(shop, shop.apple, session=SESSION, when=ago(days=days))
        assert found(shop) == one(orders=2, lines=2, revenue=40)

    def test_another_channel(self, shop):
        other = make_channel("other")
        both = product_of([shop.channel, other])
        touch(shop, both, ago(days=1))
        buy(shop, both, session=SESSION, channel=other)
        assert found(shop) == NOTHING

    def test_a_product_that_is_gone(self, shop):
        touch(shop, shop.apple, ago(days=1))
        buy(shop, shop.apple, session=SESSION)
        shop.apple.delete()
        assert found(shop) == NOTHING


class TestMoney:
    def test_a_cancelled_order_has_bought_nothing(self, shop):
        touch(shop, shop.apple, ago(days=1))
        order = buy(shop, shop.apple, session=SESSION)
        type(order).objects.update(status=OrderStatus.CANCELED)
        sync(order)
        assert found(shop) == NOTHING

    def test_a_refund_is_taken_off_by_share(self, shop):
        touch(shop, shop.apple, ago(days=1))
        order = buy(shop, shop.apple, shop.pear, session=SESSION)
        refund_order(order, 10)
        sync(order)
        assert found(shop) == one(revenue=15)

    def test_a_full_refund_leaves_the_sale_at_nothing(self, shop):
        touch(shop, shop.apple, ago(days=1))
        order = buy(shop, shop.apple, session=SESSION)
        refund_order(order)
        sync(order)
        assert found(shop) == one(revenue=0)

    def test_what_costs_nothing(self, shop):
        free = product_of(shop.channel, price=0)
        touch(shop, free, ago(days=1))
        buy(shop, free, session=SESSION)
        assert found(shop) == one(revenue=0)

    @pytest.mark.parametrize("by_gift_card", [15, 20], ids=["in part", "all of it"])
    def test_a_gift_card_pays_as_well_as_money(self, shop, by_gift_card):
        touch(shop, shop.apple, ago(days=1))
        order = buy(shop, shop.apple, session=SESSION)
        # As Saleor stores it: of the order, not of its lines.
        left = 20 - by_gift_card
        type(order).objects.update(total_gross_amount=left, total_net_amount=left)
        sync(order)
        assert found(shop) == one()

    def test_shipping_is_not_the_recommendations(self, shop):
        touch(shop, shop.apple, ago(days=1))
        buy(shop, shop.apple, session=SESSION, shipping_price=5)
        assert found(shop) == one()


def test_the_same_however_often_and_in_whatever_order_facts_arrive(shop):
    ann, _ = customer()
    order = buy(shop, shop.apple, user=ann, session=SESSION)
    touch(shop, shop.apple, ago(days=1), user=ann)
    touch(shop, shop.apple, ago(days=2))
    first = found(shop)
    sync(order)
    assert found(shop) == first == one(clicks=2)


def test_one_statement_whatever_there_is(shop):
    for number in range(5):
        touch(shop, shop.apple, ago(days=1), session=f"session-of-visitor-{number:04}")
        buy(shop, shop.apple, session=f"session-of-visitor-{number:04}")
    with CaptureQueriesContext(connection) as captured:
        assert found(shop) == one(clicks=5, orders=5, lines=5, revenue=100)
    assert len(captured) == 1
