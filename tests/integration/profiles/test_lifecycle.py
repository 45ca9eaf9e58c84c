"""Stages in the database: equal to their rules, each change told once, nothing about who refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_crm_plugin.profiles.lifecycle import refreshing
from saleor_crm_plugin.profiles.lifecycle.refreshing import refresh_all_stages, refresh_stages, shop_gap
from saleor_crm_plugin.profiles.lifecycle.rules import Before, Stage, Terms, standing_of
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, PredictionStatus, ProfileMetrics, ProfileOrder
from saleor_crm_plugin.profiles.orders import OrderFact, forget_orders, store_order_facts
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent, SubjectType
from tests.integration.profiles.facts import PLACED, make_fact

TERMS = Terms(loyal_orders=4, won_back_for=timedelta(days=90), shop_gap=timedelta(days=30))


def day(number: float) -> datetime:
    return PLACED + timedelta(days=number)


def new_profile(**fields: Any) -> int:
    return CustomerProfile.objects.create(**fields).pk


def buy(profile_id: int, *days: float, **fields: Any) -> list[OrderFact]:
    facts = [make_fact(profile_id, placed_at=day(one), **fields) for one in days]
    refresh_metrics(store_order_facts(facts))
    return facts


def stage_of(profile_id: int) -> tuple[str, datetime | None]:
    return CustomerProfile.objects.values_list("lifecycle_stage", "lifecycle_since").get(pk=profile_id)


def told(profile_id: int) -> list[dict[str, Any]]:
    return list(ProfileEvent.objects.filter(profile_id=profile_id).order_by("pk").values_list("details", flat=True))


@pytest.mark.django_db
class TestEvents:
    def test_a_customers_way_and_what_caused_each_step(self) -> None:
        ada = new_profile()
        refresh_all_stages(TERMS, day(-1))
        (first,) = buy(ada, 0)
        refresh_stages([ada], TERMS, day(0))
        (second,) = buy(ada, 20)
        refresh_stages([ada], TERMS, day(20))
        # (20 + 30) / 2 = 25 days are usual.
        refresh_all_stages(TERMS, day(70))
        refresh_all_stages(TERMS, day(71))
        refresh_all_stages(TERMS, day(121))
        (third,) = buy(ada, 130)
        refresh_stages([ada], TERMS, day(130))
        refresh_all_stages(TERMS, day(131))
        refresh_all_stages(TERMS, day(220))

        events = ProfileEvent.objects.filter(profile_id=ada, kind=EventKind.LIFECYCLE_CHANGED).order_by("pk")
        assert [
            (event.happened_at, event.details["from"], event.details["to"], event.details["cause"], event.subject_id)
            for event in events
        ] == [
            (day(0), "prospect", "first_time", "order", str(first.order_id)),
            (day(20), "first_time", "repeat", "order", str(second.order_id)),
            (day(71), "repeat", "at_risk", "silence", ""),
            (day(121), "at_risk", "lapsed", "silence", ""),
            (day(130), "lapsed", "won_back", "order", str(third.order_id)),
            (day(220), "won_back", "repeat", "won_back_ended", ""),
        ]
        at_risk = events[2]
        assert at_risk.details == {
            "from": "repeat", "to": "at_risk", "since": "2024-05-10T12:00:00Z", "cause": "silence",
            "silence_days": 51, "usual_gap_days": 25,
        }  # fmt: skip
        assert (events[0].subject_type, at_risk.subject_type) == (SubjectType.ORDER, SubjectType.NONE)

    def test_being_won_back_ends(self) -> None:
        ada = new_profile()
        buy(ada, 0, 100, 120, 150)
        refresh_all_stages(TERMS, day(160))
        buy(ada, 180)
        refresh_all_stages(TERMS, day(190))

        assert stage_of(ada) == ("loyal", day(190))
        assert [(one["to"], one["cause"]) for one in told(ada)] == [("loyal", "won_back_ended")]

    def test_a_forecast_is_named_with_its_probability(self) -> None:
        ada = new_profile()
        buy(ada, 0, 10)
        refresh_all_stages(TERMS, day(11))
        ProfileMetrics.objects.update(prediction_status=PredictionStatus.PREDICTED, probability_alive=0.25)
        refresh_all_stages(TERMS, day(40))

        assert stage_of(ada) == ("at_risk", day(40))
        (event,) = told(ada)
        assert (event["cause"], event["probability_alive"], event["silence_days"]) == ("forecast", 0.25, 30)

    def test_a_first_stage_at_night_is_no_change(self) -> None:
        ada, bob = new_profile(), new_profile()
        buy(ada, 0, 10)

        assert refresh_all_stages(TERMS, day(12)) == 2

        assert (stage_of(ada)[0], stage_of(bob)[0]) == ("repeat", "prospect")
        assert not ProfileEvent.objects.exists()

    def test_an_order_that_vanishes_leaves_a_prospect(self) -> None:
        ada = new_profile()
        (order,) = buy(ada, 0)
        refresh_stages([ada], TERMS, day(0))

        refresh_metrics(forget_orders([order.order_id]))
        refresh_stages([ada], TERMS, day(1))

        created_at = CustomerProfile.objects.get(pk=ada).created_at
        assert stage_of(ada) == ("prospect", created_at)
        assert told(ada)[-1]["cause"] == "no_purchase_left"

    def test_a_sync_without_a_purchase_is_no_news(self) -> None:
        ada = new_profile()
        buy(ada, 0, counts=False)
        refresh_stages([ada], TERMS, day(0))

        assert stage_of(ada)[0] == "prospect"
        assert not told(ada)


@pytest.mark.django_db
class TestWhoIsLeftOut:
    @pytest.mark.parametrize("state", ["refused", "erased", "merged"])
    def test_no_stage_and_no_event(self, state: str) -> None:
        ada, other = new_profile(), new_profile()
        buy(ada, 0, 10)
        refresh_all_stages(TERMS, day(12))
        changes: dict[str, dict[str, Any]] = {
            "refused": {"profiling_allowed": False},
            "erased": {"erased_at": day(12)},
            "merged": {"merged_into_id": other},
        }
        CustomerProfile.objects.filter(pk=ada).update(found_quiet_at=day(5), **changes[state])

        assert refresh_all_stages(TERMS, day(13)) == 1
        refresh_stages([ada], TERMS, day(500))

        profile = CustomerProfile.objects.get(pk=ada)
        assert (profile.lifecycle_stage, profile.lifecycle_since, profile.found_quiet_at) == ("", None, None)
        assert not told(ada)

    def test_they_do_not_make_the_shops_rhythm(self) -> None:
        for number in range(refreshing.REPEAT_CUSTOMERS_NEEDED):
            buy(new_profile(profiling_allowed=number > 0), 0, 10)

        assert shop_gap() is None
        buy(new_profile(), 0, 10)
        assert shop_gap() == timedelta(days=10)


@pytest.mark.django_db
class TestRefreshing:
    def test_currencies_are_one_rhythm(self) -> None:
        ada = new_profile()
        buy(ada, 0, 20)
        buy(ada, 10, 30, currency="EUR")
        refresh_all_stages(TERMS, day(31))

        assert stage_of(ada) == ("loyal", day(30))

    def test_the_better_forecast_counts(self) -> None:
        ada = new_profile()
        buy(ada, 0, 10)
        buy(ada, 5, currency="EUR")
        rows = ProfileMetrics.objects.filter(profile_id=ada)
        rows.update(prediction_status=PredictionStatus.PREDICTED, probability_alive=0.1)
        rows.filter(currency="EUR").update(probability_alive=0.7)
        refresh_all_stages(TERMS, day(300))
        assert stage_of(ada)[0] == "repeat"

        rows.filter(currency="EUR").update(prediction_status=PredictionStatus.INSUFFICIENT_DATA)
        refresh_all_stages(TERMS, day(300))
        assert stage_of(ada)[0] == "lapsed"

    def test_the_middle_customer_is_the_shops_rhythm(self) -> None:
        for number in range(refreshing.REPEAT_CUSTOMERS_NEEDED + 1):
            buy(new_profile(), 0, number, 2 * number)
        buy(new_profile(), 0)
        buy(new_profile(), 0, 900, counts=False)

        assert shop_gap() == timedelta(days=10)

    def test_a_second_run_writes_nothing(self) -> None:
        for days in ((), (0,), (0, 10), (0, 70), (0, 10, 20, 30)):
            buy(new_profile(), *days)
        refresh_all_stages(TERMS, day(75))

        def versions() -> list[str]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT ctid::text FROM crm_customer_profile ORDER BY id")
                return [version for (version,) in cursor.fetchall()]

        before = versions()
        assert refresh_all_stages(TERMS, day(75)) == 0
        assert refresh_stages(list(CustomerProfile.objects.values_list("pk", flat=True)), TERMS, day(75)) == 0

        assert versions() == before

    def test_everybody_in_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(refreshing, "REFRESH_BATCH_SIZE", 2)
        for _ in range(5):
            buy(new_profile(), 0)

        assert refresh_all_stages(TERMS, day(1)) == 5

    @pytest.mark.parametrize("customers", [1, 30])
    def test_any_number_of_customers_takes_four_statements(self, customers: int) -> None:
        ids = [new_profile() for _ in range(customers)]
        for profile_id in ids:
            buy(profile_id, 0)

        with CaptureQueriesContext(connection) as statements:
            assert refresh_stages(ids, TERMS, day(1)) == customers

        assert len([query for query in statements if "SAVEPOINT" not in query["sql"]]) == 4
        assert ProfileEvent.objects.count() == customers

    def test_nobody_is_not_everybody(self) -> None:
        buy(new_profile(), 0)

        assert refresh_stages([], TERMS, day(1)) == 0


moments = st.integers(0, 400 * 24 * 3600)
people = st.lists(
    st.tuples(
        st.lists(st.tuples(moments, st.booleans(), st.sampled_from(["USD", "EUR"])), max_size=7),
        st.none() | st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.3, 0.45, 0.5, 0.55, 0.6, 0.9]),
        st.sampled_from([None, *Stage]),
        moments,
        st.none() | moments,
        st.sampled_from(["", "", "", "refused", "merged"]),
    ),
    min_size=1,
    max_size=5,
)


class TestAgainstTheRules(TestCase):
    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(people, moments, st.integers(1, 120), st.integers(3, 5), st.integers(1, 100), st.booleans())
    def test_stages_equal_their_definition(
        self, drawn: list[tuple[Any, ...]], now: int, gap: int, loyal: int, won_back: int, afresh: bool
    ) -> None:
        terms = Terms(loyal, timedelta(days=won_back), timedelta(days=gap))
        at = PLACED + timedelta(seconds=now)
        head = new_profile()
        expected: dict[int, tuple[Any, ...]] = {head: ("prospect", None)}
        for purchases, alive, stage, since, quiet, state in drawn:
            since_at = PLACED + timedelta(seconds=since) if stage else None
            quiet_at = None if quiet is None else PLACED + timedelta(seconds=quiet)
            profile_id = new_profile(
                lifecycle_stage=stage or "", lifecycle_since=since_at, found_quiet_at=quiet_at,
                profiling_allowed=state != "refused", merged_into_id=head if state == "merged" else None,
            )  # fmt: skip
            facts = [
                make_fact(profile_id, placed_at=PLACED + timedelta(seconds=second), counts=counts, currency=currency)
                for second, counts, currency in purchases
            ]
            refresh_metrics(store_order_facts(facts))
            predicted = {"prediction_status": PredictionStatus.PREDICTED, "probability_alive": alive}
            row = ProfileMetrics.objects.filter(profile_id=profile_id).order_by("pk").first()
            if row is None:
                alive = None
            elif alive is not None:
                ProfileMetrics.objects.filter(pk=row.pk).update(**predicted)
            if state:
                expected[profile_id] = ("", None, None)
                continue
            standing = standing_of(
                sorted(fact.placed_at for fact in facts if fact.counts),
                CustomerProfile.objects.get(pk=profile_id).created_at,
                alive,
                Before(stage, since_at, quiet_at),
                terms,
                at,
                afresh=afresh,
            )
            expected[profile_id] = (standing.stage.value, standing.since, standing.found_quiet_at)
        expected[head] = ("prospect", CustomerProfile.objects.get(pk=head).created_at, None)

        if afresh:
            refresh_stages(list(expected), terms, at)
        else:
            refresh_all_stages(terms, at)

        rows = CustomerProfile.objects.values_list("pk", "lifecycle_stage", "lifecycle_since", "found_quiet_at")
        assert {pk: tuple(rest) for pk, *rest in rows} == expected


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_a_change_once() -> None:
    ids = [new_profile() for _ in range(20)]
    for profile_id in ids:
        buy(profile_id, 0)
    together = Barrier(4)

    def run(_: int) -> int:
        try:
            together.wait()
            return refresh_stages(ids, TERMS, timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        changed = list(pool.map(run, range(4)))

    assert sorted(changed) == [0, 0, 0, 20]
    assert ProfileEvent.objects.count() == 20
    assert ProfileOrder.objects.count() == 20
