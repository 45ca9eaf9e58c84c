from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, RFMGroup
from saleor_crm_plugin.profiles.orders import OrderFact, store_order_facts
from saleor_crm_plugin.profiles.rfm import group_for, group_without_scores, quintile, refresh_rfm
from tests.integration.profiles.facts import PLACED, make_fact

NOW = PLACED + timedelta(days=100)
SCORES = ("recency_score", "frequency_score", "monetary_score", "rfm_group")


def new_profile() -> int:
    return CustomerProfile.objects.create().pk


def days_ago(number: float) -> datetime:
    return NOW - timedelta(days=number)


def store(*facts: OrderFact) -> None:
    refresh_metrics(store_order_facts(facts))


def scores_of(profile_id: int, currency: str = "USD") -> tuple[Any, ...]:
    return ProfileMetrics.objects.values_list(*SCORES).get(profile_id=profile_id, currency=currency)


def all_scores() -> dict[tuple[int, str], tuple[Any, ...]]:
    rows = ProfileMetrics.objects.values_list("profile_id", "currency", *SCORES)
    return {(profile_id, currency): tuple(rest) for profile_id, currency, *rest in rows}


@pytest.mark.django_db
class TestRefresh:
    def test_five_customers_get_the_five_scores(self) -> None:
        people = [new_profile() for _ in range(5)]
        for number, profile_id in enumerate(people):
            # The later in the list, the more recent, the more orders, the more money.
            store(
                *(
                    make_fact(profile_id, 10 * (number + 1), placed_at=days_ago(50 - 10 * number))
                    for _ in range(number + 1)
                )
            )

        assert refresh_rfm(365, NOW) == 5

        assert [scores_of(profile_id) for profile_id in people] == [
            (1, 1, 1, RFMGroup.DORMANT),
            (2, 2, 2, RFMGroup.DORMANT),
            (3, 3, 3, RFMGroup.NEEDS_ATTENTION),
            (4, 4, 4, RFMGroup.LOYAL),
            (5, 5, 5, RFMGroup.CHAMPIONS),
        ]

    def test_a_second_run_writes_nothing_and_a_later_one_only_what_changed(self) -> None:
        people = [new_profile() for _ in range(5)]
        for number, profile_id in enumerate(people):
            store(make_fact(profile_id, 10 + number, placed_at=days_ago(number)))
        refresh_rfm(365, NOW)

        assert refresh_rfm(365, NOW) == 0
        # Second most money becomes third: two customers change places.
        store(make_fact(people[2], 2, placed_at=days_ago(40)))
        changed = refresh_rfm(365, NOW)

        # One has two orders now, so that all five frequencies' ties shift for that one only.
        assert changed == 2

    def test_orders_outside_the_window_give_no_scores(self) -> None:
        lapsed, prospect, edge, later = (new_profile() for _ in range(4))
        store(make_fact(lapsed, placed_at=days_ago(91)))
        store(make_fact(prospect, counts=False, placed_at=days_ago(1)))
        store(make_fact(edge, placed_at=days_ago(90)))
        store(make_fact(later, placed_at=NOW + timedelta(seconds=1)))

        refresh_rfm(90, NOW)

        assert scores_of(lapsed) == (None, None, None, RFMGroup.DORMANT)
        assert scores_of(prospect) == (None, None, None, RFMGroup.PROSPECTS)
        assert scores_of(edge) == (None, None, None, RFMGroup.DORMANT)
        assert scores_of(later) == (None, None, None, RFMGroup.DORMANT)

    def test_scores_go_when_the_window_has_passed(self) -> None:
        ada = new_profile()
        store(make_fact(ada, placed_at=days_ago(10)))
        refresh_rfm(90, NOW)
        assert scores_of(ada) == (3, 3, 3, RFMGroup.NEEDS_ATTENTION)

        assert refresh_rfm(90, NOW + timedelta(days=81)) == 1

        assert scores_of(ada) == (None, None, None, RFMGroup.DORMANT)

    def test_money_is_net_and_cancelled_orders_do_not_count(self) -> None:
        ada, bob = new_profile(), new_profile()
        store(make_fact(ada, 100, 95), make_fact(ada, 500, counts=False))
        store(make_fact(bob, 6))

        refresh_rfm(365, NOW)

        assert scores_of(ada)[:3] == (3, 3, 2)
        assert scores_of(bob)[:3] == (3, 3, 4)

    def test_currencies_are_scored_apart(self) -> None:
        ada, bob = new_profile(), new_profile()
        store(make_fact(ada, 10), make_fact(ada, 10, currency="EUR"), make_fact(bob, 20))

        refresh_rfm(365, NOW)

        assert scores_of(ada)[2] == 2
        assert scores_of(ada, "EUR")[2] == 3

    @pytest.mark.parametrize("state", ["refused", "erased", "merged"])
    def test_who_must_not_be_profiled_has_no_scores_and_counts_in_nobodys(self, state: str) -> None:
        ada, bob, head = new_profile(), new_profile(), new_profile()
        store(make_fact(ada, 10, placed_at=days_ago(9)), make_fact(bob, 20, placed_at=days_ago(5)))
        refresh_rfm(365, NOW)
        assert (scores_of(ada)[0], scores_of(bob)[0]) == (2, 4)
        changes: dict[str, dict[str, Any]] = {
            "refused": {"profiling_allowed": False},
            "erased": {"erased_at": NOW},
            "merged": {"merged_into_id": head},
        }
        CustomerProfile.objects.filter(pk=ada).update(**changes[state])

        assert refresh_rfm(365, NOW) == 2

        assert scores_of(ada) == (None, None, None, "")
        assert scores_of(bob) == (3, 3, 3, RFMGroup.NEEDS_ATTENTION), "alone now"
        assert refresh_rfm(365, NOW) == 0

    def test_it_is_one_statement(self) -> None:
        store(make_fact(new_profile()))

        with CaptureQueriesContext(connection) as statements:
            refresh_rfm(365, NOW)

        assert len(statements) == 1


def expected_scores(facts: list[OrderFact], since: datetime) -> dict[tuple[int, str], tuple[Any, ...]]:
    """The definition, in plain Python."""
    bought: defaultdict[tuple[int, str], list[OrderFact]] = defaultdict(list)
    known: defaultdict[tuple[int, str], int] = defaultdict(int)
    for fact in facts:
        known[fact.profile_id, fact.currency] += fact.counts
        if fact.counts and since < fact.placed_at <= NOW:
            bought[fact.profile_id, fact.currency].append(fact)
    answer: dict[tuple[int, str], tuple[Any, ...]] = {
        key: (None, None, None, group_without_scores(count)) for key, count in known.items()
    }
    for currency in {currency for _, currency in bought}:
        rows = {key: orders for key, orders in bought.items() if key[1] == currency}
        recency = _score({key: max(order.placed_at for order in orders) for key, orders in rows.items()})
        frequency = _score({key: len(orders) for key, orders in rows.items()})
        monetary = _score(
            {key: sum(order.gross_amount - order.refunded_amount for order in orders) for key, orders in rows.items()}
        )
        for key in rows:
            scores = recency[key], frequency[key], monetary[key]
            answer[key] = (*scores, group_for(*scores))
    return answer


def _score(values: dict[tuple[int, str], Any]) -> dict[tuple[int, str], int]:
    every = list(values.values())
    return {
        key: quintile(sum(other < value for other in every), every.count(value), len(every))
        for key, value in values.items()
    }


class TestAgainstPlainPython(TestCase):
    @settings(max_examples=50)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 9), st.sampled_from(["USD", "EUR"]), st.integers(0, 60), st.booleans(),
                st.integers(0, 20), st.integers(0, 5),
            ),
            max_size=40,
        ),
        st.integers(1, 60),
    )  # fmt: skip
    def test_scores_equal_their_definition(self, history: list[tuple[Any, ...]], window_days: int) -> None:
        people = [new_profile() for _ in range(10)]
        facts = [
            make_fact(
                people[person], currency=currency, placed_at=days_ago(days), counts=counts,
                gross_amount=Decimal(gross), refunded_amount=Decimal(refunded),
            )
            for person, currency, days, counts, gross, refunded in history
        ]  # fmt: skip
        store(*facts)

        refresh_rfm(window_days, NOW)

        assert all_scores() == expected_scores(facts, days_ago(window_days))


@pytest.mark.django_db(transaction=True)
def test_scoring_and_syncing_at_the_same_time_do_not_deadlock() -> None:
    people = [new_profile() for _ in range(40)]
    # Rows lie in the table the other way round than writers should take them.
    for profile_id in reversed(people):
        store(make_fact(profile_id, 10))
    rounds = 15
    together = Barrier(3)

    def run(job: str) -> None:
        try:
            together.wait()
            for number in range(rounds):
                if job == "score":
                    refresh_rfm(365, NOW + timedelta(days=number % 2 * 300))
                else:
                    store(*(make_fact(profile_id, number) for profile_id in people))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, ["score", "sync", "sync"]))

    assert set(ProfileMetrics.objects.values_list("orders_count", flat=True)) == {1 + 2 * rounds}
