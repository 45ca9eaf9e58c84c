"""The report: counts, rates, and what held-out customers spent against the others."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import numpy as np
import pytest
from saleor.order.models import Order, OrderLine
from scipy import stats

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileOrder
from saleor_crm_plugin.recommendations.tracking.counts import Counts
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from saleor_crm_plugin.recommendations.tracking.report import RecommendationReport
from saleor_crm_plugin.recommendations.tracking.statistics import ComparisonStatus
from tests.devshop.factories import make_channel, make_order
from tests.integration.recommendations.tracking.visits import (
    ADDED,
    CLICKED,
    NOW,
    SHOWN,
    VIEWED,
    ago,
    event,
    send,
    somebody,
)

pytestmark = pytest.mark.django_db

_numbers = itertools.count()


def report(channel, **arguments) -> RecommendationReport:
    arguments = {
        "since": ago(days=30),
        "until": NOW + timedelta(seconds=1),
        "now": NOW + timedelta(days=1),
        **arguments,
    }
    return RecommendationReport(channel.pk, "USD", timedelta(days=7), using="default", **arguments)


def sent(shop, type, kind, times=1, product=None):
    for _ in range(times):
        one = event(type, product or shop.apple, kind, event_id=f"event-{next(_numbers):06}")
        assert send(one, channel=shop.channel).recorded == 1


class TestRates:
    def test_by_kind_and_in_all(self, shop):
        sent(shop, SHOWN, "for_you", 10)
        sent(shop, CLICKED, "for_you", 2)
        sent(shop, ADDED, "for_you")
        sent(shop, SHOWN, "bestsellers", 5)
        sent(shop, VIEWED, None, 7)
        found = report(shop.channel)
        assert {row.kind: row.counts for row in found.kinds} == {
            "for_you": Counts(10, 2, 1),
            "bestsellers": Counts(5, 0, 0),
        }
        assert found.total.counts == Counts(15, 2, 1)
        first = found.kinds[0]
        known = stats.binomtest(2, 10).proportion_ci(0.95, method="wilson")
        assert first.click_through.value == 0.2
        assert (first.click_through.low, first.click_through.high) == pytest.approx((known.low, known.high))
        assert (first.conversion.successes, first.conversion.trials) == (0, 2)
        assert found.kinds[1].conversion is None

    def test_no_rate_where_showing_was_not_tracked(self, shop):
        sent(shop, CLICKED, "for_you", 3)
        sent(shop, SHOWN, "for_you", 2)
        assert report(shop.channel).kinds[0].click_through is None

    def test_by_model(self, shop):
        sent(shop, SHOWN, "for_you", 2)
        RecommendationEvent.objects.bulk_create(
            RecommendationEvent(
                id=uuid4(), type="shown", kind="similar", product_id=1, channel_id=shop.channel.pk, model_id=7,
                occurred_at=ago(days=1),
            )
            for _ in range(3)
        )  # fmt: skip
        assert report(shop.channel).models == [(None, Counts(2, 0, 0)), (7, Counts(3, 0, 0))]

    def test_of_this_channel_and_time_only(self, shop):
        sent(shop, SHOWN, "for_you")
        assert report(make_channel("other")).total.counts == Counts()
        assert report(shop.channel, until=NOW).total.counts == Counts()
        assert report(shop.channel, since=NOW).total.counts == Counts(1)

    def test_an_empty_shop(self, shop):
        found = report(shop.channel)
        assert (found.kinds, found.models, found.total.click_through) == ([], [], None)
        assert found.comparison.status == ComparisonStatus.NO_HOLDOUT


def people(channel, amounts, held_out, kind="for_you", shown_at=None, bought_at=None, **order):
    """Customers who were shown a list, with what each spent afterwards."""
    profiles = CustomerProfile.objects.bulk_create(somebody(held_out) for _ in amounts)
    shown(channel, profiles, held_out, shown_at or ago(days=10), kind)
    bought(channel, dict(zip(profiles, amounts, strict=True)), bought_at or ago(days=5), **order)
    return profiles


def shown(channel, profiles, held_out, at, kind="for_you"):
    RecommendationEvent.objects.bulk_create(
        RecommendationEvent(
            id=uuid4(), type="shown", kind=kind, product_id=1, channel_id=channel.pk, profile=profile,
            held_out=held_out, occurred_at=at,
        )
        for profile in profiles
    )  # fmt: skip


def bought(channel, amounts, at, **order):
    """An order of each, of one line, and what we keep of it; nothing for an amount of 0."""
    placed = make_order(channel=channel, paid=False)
    line = placed.lines.get()
    facts = {"counts": True, "refunded_amount": 0, "channel_id": channel.pk, **order}
    orders, lines, kept = [], [], []
    for profile, amount in amounts.items():
        if amount:
            orders.append(copy_of(placed, id=uuid4(), number=1_000_000 + next(_numbers)))
            lines.append(copy_of(line, id=uuid4(), order_id=orders[-1].pk, quantity=1, total_price_gross_amount=amount))
            kept.append(
                ProfileOrder(
                    order_id=orders[-1].pk, profile=profile, currency="USD", placed_at=at,
                    **{"gross_amount": amount, **facts},
                )
            )  # fmt: skip
    Order.objects.bulk_create(orders)
    OrderLine.objects.bulk_create(lines)
    ProfileOrder.objects.bulk_create(kept)


def copy_of(row, **fields):
    columns = [column.attname for column in row._meta.concrete_fields]
    return type(row)(**{**{name: getattr(row, name) for name in columns}, **fields})


def merge(profile, head, undone=False):
    merged_at, undone_at = ago(days=6), ago(days=3) if undone else None
    ProfileMerge.objects.create(source=profile, target=head, merged_at=merged_at, undone_at=undone_at)
    if not undone:
        CustomerProfile.objects.filter(pk=profile.pk).update(merged_into=head)


def held_out_and_others(found):
    """How many are compared."""
    return found.outcome.held_out.spent.count, found.outcome.others.spent.count


class TestHoldout:
    def test_the_difference_and_its_interval(self, shop):
        random = np.random.default_rng(3)
        others = [Decimal(str(round(value, 2))) for value in random.uniform(10, 50, 400).tolist()]
        held_out = [Decimal(str(round(value, 2))) for value in random.uniform(5, 45, 120).tolist()]
        people(shop.channel, others, False)
        people(shop.channel, held_out, True)
        found = report(shop.channel)
        known = stats.ttest_ind(
            [float(value) for value in others], [float(value) for value in held_out], equal_var=False
        )
        interval = known.confidence_interval(0.95)
        assert found.comparison.status == ComparisonStatus.MEASURED
        assert float(found.comparison.difference) == pytest.approx(float(np.mean(others) - np.mean(held_out)))
        assert (found.comparison.low, found.comparison.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert (found.outcome.others.spent.count, found.outcome.held_out.spent.count) == (400, 120)
        assert found.outcome.others.spent.first == sum(others)

    def test_too_few_customers(self, shop):
        people(shop.channel, [20, 30, 0], False)
        people(shop.channel, [10, 0], True)
        found = report(shop.channel)
        assert found.comparison.status == ComparisonStatus.INSUFFICIENT_DATA
        assert (found.outcome.others.buyers, float(found.outcome.others.spent.mean)) == (2, pytest.approx(50 / 3))
        assert (found.outcome.held_out.buyers, found.outcome.held_out.spent.mean) == (1, 5)

    @pytest.mark.parametrize(
        ("case", "spent"),
        [
            ({}, 20),
            ({"counts": False}, 0),
            ({"refunded_amount": 5}, 15),
            ({"refunded_amount": 25}, 0),
            ({"bought_at": ago(days=11)}, 0),
            ({"bought_at": NOW + timedelta(hours=1)}, 0),
            ({"channel_id": 0}, 0),
        ],
        ids=[
            "an order",
            "cancelled",
            "refunded",
            "refunded more",
            "before it was shown",
            "after the time",
            "elsewhere",
        ],
    )
    def test_what_counts_as_spent(self, shop, case, spent):
        people(shop.channel, [20], False, **case)
        assert report(shop.channel).outcome.others.spent.first == spent

    @pytest.mark.parametrize(
        ("case", "buyers", "spent"),
        [
            ({}, 1, 20),
            ({"gross_amount": 0}, 1, 20),
            ({"gross_amount": 12}, 1, 20),
            ({"gross_amount": 12, "refunded_amount": 6}, 1, 10),
            ({"refunded_amount": 20}, 1, 0),
            ({"counts": False}, 0, 0),
        ],
        ids=["money", "gift cards", "both", "half of it refunded", "refunded", "cancelled"],
    )
    def test_who_has_bought_whatever_was_paid_with(self, shop, case, buyers, spent):
        people(shop.channel, [20, 0], False, **case)
        others = report(shop.channel).outcome.others
        assert (others.spent.count, others.buyers, others.spent.first) == (2, buyers, spent)

    @pytest.mark.parametrize("kind", ["bestsellers", "similar", "frequently_bought_together"])
    def test_lists_that_are_the_same_for_all_are_no_part_of_it(self, shop, kind):
        people(shop.channel, [20], False, kind=kind)
        assert report(shop.channel).outcome.others.spent.count == 0

    def test_whoever_was_in_both_groups_is_left_out(self, shop):
        (head,), (joined,) = people(shop.channel, [0], True), people(shop.channel, [20], False)
        merge(joined, head)
        found = report(shop.channel)
        assert (*held_out_and_others(found), found.outcome.changed) == (0, 0, 1)

    @pytest.mark.parametrize("came_back", [True, False])
    def test_since_the_percentage_was_raised(self, shop, came_back):
        """Who is held out since nine days is not compared with what the others spent in a month."""
        others = people(shop.channel, [10] * 400, False, shown_at=ago(days=25), bought_at=ago(days=20))
        held_out = people(shop.channel, [10] * 120, True, shown_at=ago(days=8))
        early = held_out[:1] if came_back else CustomerProfile.objects.bulk_create([somebody(True)])
        shown(shop.channel, early, False, ago(days=10))
        shown(shop.channel, others, False, ago(days=7))
        bought(shop.channel, dict.fromkeys(others, 10), ago(days=5))

        found = report(shop.channel)
        assert (found.compared_since, held_out_and_others(found)) == (ago(days=10), (120, 400))
        assert (found.comparison.status, found.comparison.difference) == (ComparisonStatus.MEASURED, 0)
        assert found.outcome.changed == 0
        before = report(shop.channel, until=ago(days=9))
        assert (before.compared_since, before.comparison.status) == (before.since, ComparisonStatus.NO_HOLDOUT)

    def test_since_the_percentage_was_lowered_and_before(self, shop):
        others = people(shop.channel, [10] * 400, False, shown_at=ago(days=25), bought_at=ago(days=20))
        held_out = people(shop.channel, [10] * 120, True, shown_at=ago(days=25), bought_at=ago(days=20))
        shown(shop.channel, [*others, *held_out[:60]], False, ago(days=7))

        found = report(shop.channel)
        assert (found.compared_since, held_out_and_others(found)) == (ago(days=25), (0, 460))
        assert found.comparison.status == ComparisonStatus.NO_HOLDOUT
        before = report(shop.channel, until=ago(days=9))
        assert (before.comparison.status, before.comparison.difference) == (ComparisonStatus.MEASURED, 0)

    def test_a_merge_or_a_separation_is_no_change_of_the_percentage(self, shop):
        one, other = people(shop.channel, [20] * 2, False)
        (head,) = people(shop.channel, [20], True)
        # While they were one, the other profile decided.
        shown(shop.channel, [one, other], True, ago(days=5))
        shown(shop.channel, [other], False, ago(days=2))
        merge(one, head)
        merge(other, head, undone=True)

        found = report(shop.channel)
        assert found.compared_since == found.since
        assert (*held_out_and_others(found), found.outcome.changed) == (0, 0, 2)

    @pytest.mark.parametrize("flag", ["profiling_allowed", "recommendations_allowed"])
    def test_whoever_refuses_is_left_out(self, shop, flag):
        people(shop.channel, [20, 30], False)
        CustomerProfile.objects.filter(pk=CustomerProfile.objects.first().pk).update(**{flag: False})
        assert report(shop.channel).outcome.others.spent.first == 30

    def test_a_person_of_two_profiles_is_one(self, shop):
        one, other = people(shop.channel, [20, 30], False)
        ProfileOrder.objects.update(profile=one)
        CustomerProfile.objects.filter(pk=other.pk).update(merged_into=one)
        spent = report(shop.channel).outcome.others.spent
        assert (spent.count, spent.first, spent.second) == (1, 50, 2500)


class TestTime:
    def test_the_last_month_by_default(self, shop):
        found = RecommendationReport(shop.channel.pk, "USD", timedelta(days=7), now=NOW, using="default")
        assert (found.since, found.until) == (NOW - timedelta(days=30), NOW)

    def test_final_when_the_window_of_the_last_click_is_over(self, shop):
        assert not report(shop.channel, until=NOW, now=NOW + timedelta(days=6)).is_final
        assert report(shop.channel, until=NOW, now=NOW + timedelta(days=7)).is_final

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"until": NOW + timedelta(days=2)}, "until"),
            ({"since": NOW, "until": NOW}, "since"),
            ({"since": NOW, "until": ago(days=1)}, "since"),
            ({"since": NOW - timedelta(days=401), "until": NOW}, "since"),
        ],
        ids=["future", "empty", "backwards", "too long"],
    )
    def test_what_cannot_be_asked(self, shop, arguments, field):
        with pytest.raises(RecommendationInputError) as refused:
            report(shop.channel, **arguments)
        assert (refused.value.code, refused.value.field) == ("INVALID", field)


def test_three_statements_at_most(shop, django_assert_num_queries):
    sent(shop, SHOWN, "for_you", 3)
    sent(shop, CLICKED, "similar", 3)
    people(shop.channel, [20] * 5, True)
    with django_assert_num_queries(3):
        found = report(shop.channel)
        assert (len(found.kinds), found.total.counts, len(found.models)) == (2, Counts(8, 3, 0), 1)
        assert (found.comparison.status, found.outcome.changed) == (ComparisonStatus.INSUFFICIENT_DATA, 0)
