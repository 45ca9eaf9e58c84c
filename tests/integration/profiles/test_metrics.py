from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from threading import Barrier
from time import sleep
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.profiles import metrics
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, ProfileOrder
from saleor_crm_plugin.profiles.orders import OrderFact, forget_orders, store_order_facts
from tests.integration.profiles.facts import PLACED, make_fact

COLUMNS = (
    "orders_count",
    "gross_spent",
    "refunded",
    "net_spent",
    "average_order_value",
    "first_order_at",
    "last_order_at",
    "average_days_between_orders",
    "items_count",
    "returned_items",
)


def new_profile() -> int:
    return CustomerProfile.objects.create().pk


def metrics_of(profile_id: int, currency: str = "USD") -> tuple[Any, ...]:
    return ProfileMetrics.objects.values_list(*COLUMNS).get(profile_id=profile_id, currency=currency)


def all_metrics() -> dict[tuple[int, str], tuple[Any, ...]]:
    return {
        (profile_id, currency): tuple(rest)
        for profile_id, currency, *rest in ProfileMetrics.objects.values_list("profile_id", "currency", *COLUMNS)
    }


def days(number: float) -> datetime:
    return PLACED + timedelta(days=number)


@pytest.mark.django_db
class TestOneCustomer:
    def test_three_orders(self) -> None:
        ada = new_profile()
        store_order_facts(
            [
                make_fact(ada, "100.50", placed_at=days(0)),
                make_fact(ada, "50", "20", placed_at=days(7)),
                make_fact(ada, "0.10", placed_at=days(17.5)),
            ]
        )

        refresh_metrics([ada])

        assert metrics_of(ada) == (
            3, Decimal("150.600"), Decimal("20.000"), Decimal("130.600"), Decimal("43.533"),
            days(0), days(17.5), Decimal("8.75"), 0, 0,
        )  # fmt: skip

    def test_the_average_is_rounded_half_away_from_zero(self) -> None:
        ada, bob = new_profile(), new_profile()
        store_order_facts([make_fact(ada, "0.001"), make_fact(ada, 0), make_fact(bob, 0, "0.001"), make_fact(bob, 0)])

        refresh_metrics([ada, bob])

        assert metrics_of(ada)[4] == Decimal("0.001")
        assert metrics_of(bob)[4] == Decimal("-0.001")

    def test_one_order_has_no_days_between(self) -> None:
        ada = new_profile()
        store_order_facts([make_fact(ada)])

        refresh_metrics([ada])

        assert metrics_of(ada)[5:8] == (PLACED, PLACED, None)

    def test_cancelled_orders_count_for_nothing(self) -> None:
        ada = new_profile()
        store_order_facts(
            [make_fact(ada, 10, placed_at=days(1)), make_fact(ada, 90, 90, counts=False, placed_at=days(9))]
        )

        refresh_metrics([ada])

        assert metrics_of(ada) == (1, 10, 0, 10, 10, days(1), days(1), None, 0, 0)

    def test_a_fully_refunded_order_is_an_order_over_nothing(self) -> None:
        ada = new_profile()
        store_order_facts([make_fact(ada, 10, placed_at=days(1)), make_fact(ada, 30, 30, placed_at=days(3))])

        refresh_metrics([ada])

        assert metrics_of(ada) == (2, 40, 30, 10, 5, days(1), days(3), 2, 0, 0)

    def test_pieces_and_those_that_came_back_of_orders_that_count(self) -> None:
        ada = new_profile()
        store_order_facts(
            [
                make_fact(ada, items=4, returned_items=1),
                make_fact(ada, items=2),
                make_fact(ada, counts=False, items=50, returned_items=50),
            ]
        )

        refresh_metrics([ada])

        assert metrics_of(ada)[8:] == (6, 1)

    def test_more_pieces_than_a_column_holds_are_as_many_as_it_does(self) -> None:
        ada = new_profile()
        most = 2**31 - 1
        store_order_facts([make_fact(ada, 10, items=2**32, returned_items=2**31), make_fact(ada, 5, items=1)])

        refresh_metrics([ada])

        assert (metrics_of(ada)[1], *metrics_of(ada)[8:]) == (15, most, most)

    def test_a_return_alone_is_a_change(self) -> None:
        ada = new_profile()
        fact = make_fact(ada, items=4)
        store_order_facts([fact])
        refresh_metrics([ada])

        refresh_metrics(store_order_facts([replace(fact, returned_items=4)]))

        assert metrics_of(ada)[8:] == (4, 4)

    def test_more_cannot_come_back_than_was_bought(self) -> None:
        fact = make_fact(new_profile(), items=1, returned_items=2)

        with pytest.raises(IntegrityError, match="crm_order_returns_at_most_its_items"):
            store_order_facts([fact])

    def test_currencies_are_apart(self) -> None:
        ada = new_profile()
        store_order_facts([make_fact(ada, 10), make_fact(ada, 7, currency="EUR")])

        refresh_metrics([ada])

        assert {key: row[3] for key, row in all_metrics().items()} == {(ada, "EUR"): 7, (ada, "USD"): 10}

    def test_only_cancelled_orders_leave_a_row_of_zeros(self) -> None:
        ada = new_profile()
        store_order_facts([make_fact(ada, 10, counts=False)])

        refresh_metrics([ada])

        assert metrics_of(ada) == (0, 0, 0, 0, None, None, None, None, 0, 0)

    def test_no_order_in_a_currency_leaves_no_row(self) -> None:
        ada = new_profile()
        euro, dollar = make_fact(ada, currency="EUR"), make_fact(ada)
        store_order_facts([euro, dollar])
        refresh_metrics([ada])

        forget_orders([dollar.order_id])
        refresh_metrics([ada])

        assert all_metrics().keys() == {(ada, "EUR")}

    def test_the_rfm_columns_are_left_alone(self) -> None:
        ada = new_profile()
        fact = make_fact(ada)
        store_order_facts([fact])
        refresh_metrics([ada])
        scores = {"recency_score": 5, "frequency_score": 4, "monetary_score": 3, "rfm_group": "champions"}
        ProfileMetrics.objects.update(**scores)

        store_order_facts([replace(fact, gross_amount=Decimal(5))])
        refresh_metrics([ada])

        assert ProfileMetrics.objects.values(*scores).get() == scores
        assert metrics_of(ada)[3] == 5

    def test_only_the_given_profiles_are_refreshed(self) -> None:
        ada, bob = new_profile(), new_profile()
        store_order_facts([make_fact(ada), make_fact(bob)])

        refresh_metrics([ada])

        assert all_metrics().keys() == {(ada, "USD")}

    def test_no_profiles_are_not_all_profiles(self) -> None:
        store_order_facts([make_fact(new_profile())])

        refresh_metrics([])

        assert not all_metrics()

    def test_refreshing_twice_writes_nothing(self) -> None:
        ada = new_profile()
        store_order_facts([make_fact(ada, 10), make_fact(ada, 20)])
        refresh_metrics([ada])

        def row_version() -> str:
            with connection.cursor() as cursor:
                cursor.execute("SELECT ctid::text FROM crm_profile_metrics")
                return str(cursor.fetchone()[0])

        before = row_version()
        refresh_metrics([ada])
        refresh_metrics()

        assert row_version() == before

    @pytest.mark.parametrize("profiles", [1, 30])
    def test_any_number_of_profiles_takes_two_statements(self, profiles: int) -> None:
        ids = [new_profile() for _ in range(profiles)]
        store_order_facts([make_fact(profile_id) for profile_id in ids])

        with CaptureQueriesContext(connection) as statements:
            refresh_metrics(ids)

        assert len(statements) == 2

    def test_all_profiles_are_refreshed_in_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(metrics, "REFRESH_BATCH_SIZE", 2)
        ids = [new_profile() for _ in range(5)]
        store_order_facts([make_fact(profile_id) for profile_id in ids])

        refresh_metrics()

        assert all_metrics().keys() == {(profile_id, "USD") for profile_id in ids}


amounts = st.decimals("-50", "500", places=3)
histories = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["USD", "EUR"]),
        st.integers(0, 400 * 24 * 3600),
        st.booleans(),
        amounts,
        amounts.map(abs),
        st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted),
    ),
    max_size=25,
)


def expected_metrics(facts: list[OrderFact]) -> dict[tuple[int, str], tuple[Any, ...]]:
    """The definition, in plain Python."""
    orders: defaultdict[tuple[int, str], list[OrderFact]] = defaultdict(list)
    for fact in facts:
        orders[fact.profile_id, fact.currency].append(fact)
    return {key: _expected(rows) for key, rows in orders.items()}


def _expected(rows: list[OrderFact]) -> tuple[Any, ...]:
    bought = [row for row in rows if row.counts]
    gross = sum((row.gross_amount for row in bought), Decimal(0))
    refunded = sum((row.refunded_amount for row in bought), Decimal(0))
    times = [row.placed_at for row in bought]
    average = between = None
    if bought:
        average = ((gross - refunded) / len(bought)).quantize(Decimal("0.001"), ROUND_HALF_UP)
    if len(bought) > 1:
        seconds = Decimal(int((max(times) - min(times)).total_seconds()))
        between = (seconds / 86400 / (len(bought) - 1)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return (
        len(bought), gross, refunded, gross - refunded, average,
        min(times, default=None), max(times, default=None), between,
        sum(row.items for row in bought), sum(row.returned_items for row in bought),
    )  # fmt: skip


class TestAgainstPlainPython(TestCase):
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(histories, st.booleans())
    def test_metrics_equal_their_definition(self, history: list[tuple[Any, ...]], all_at_once: bool) -> None:
        profiles = [new_profile() for _ in range(4)]
        facts = [
            make_fact(
                profiles[person], currency=currency, placed_at=PLACED + timedelta(seconds=second), counts=counts,
                gross_amount=gross, refunded_amount=refunded, items=items, returned_items=returned,
            )
            for person, currency, second, counts, gross, refunded, (returned, items) in history
        ]  # fmt: skip
        touched = store_order_facts(facts)

        refresh_metrics(None if all_at_once else touched)

        assert all_metrics() == expected_metrics(facts)


@pytest.mark.django_db(transaction=True)
def test_orders_of_one_person_that_arrive_at_the_same_time_are_all_in_the_sum() -> None:
    ada = new_profile()
    threads = 8
    stored = Barrier(threads)

    def sync(number: int) -> None:
        try:
            with transaction.atomic():
                store_order_facts([make_fact(ada, number)])
                # Everyone has written, nobody has committed: none sees the others' orders yet.
                stored.wait()
                refresh_metrics([ada])
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sync, range(1, threads + 1)))

    assert ProfileOrder.objects.count() == threads
    assert metrics_of(ada)[:2] == (8, Decimal(36))


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_in_the_order_of_their_keys_whatever_becomes_of_them() -> None:
    low, high = new_profile(), new_profile()
    first, second = make_fact(low), make_fact(high)
    store_order_facts([first, second])
    refresh_metrics([low, high])
    # The one row is to go, the other one to change.
    forget_orders([first.order_id])
    store_order_facts([replace(second, gross_amount=Decimal(7))])
    rows = ProfileMetrics.objects

    def refresh() -> None:
        try:
            with allow_writer():
                refresh_metrics([low, high])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            rows.select_for_update().get(profile_id=low)
            running = other.submit(refresh)
            wait_for_a_lock()
            # As the nightly scores go on. Nobody who waits for the first row holds the second.
            rows.select_for_update(nowait=True).get(profile_id=high)
        running.result()
    assert [(row.profile_id, row.gross_spent) for row in rows.all()] == [(high, 7)]


def wait_for_a_lock() -> None:
    for _ in range(600):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        sleep(0.05)
    raise AssertionError("Nobody waits.")
