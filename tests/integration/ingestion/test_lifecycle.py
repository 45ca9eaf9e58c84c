"""Stages follow from what happens in the shop, at once, and from the time that passes, at night."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion import reconcile as reconciliation
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.consents import update_consents
from saleor_crm_plugin.ingestion.lifecycle import STATE, refresh_all_stages
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.ingestion.tasks import refresh_rfm_task
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from tests.devshop.factories import make_customer, make_order, make_product
from tests.devshop.flows import cancel_order, refund_order
from tests.integration.profiles.facts import PLACED
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db


def day(number: float) -> datetime:
    return PLACED + timedelta(days=number)


def place(user: User | None, number: float, **fields: Any) -> Order:
    """An order of that day, of which a hook tells at once."""
    with time_machine.travel(day(number), tick=False):
        order = make_order(user, created_at=day(number), **fields)
        sync_orders([order.pk])
    return order


def profile_of(user: User) -> int:
    return CustomerProfile.objects.get(user=user).pk


def say(user: User, number: float, state: ConsentState, purpose: ConsentPurpose = ConsentPurpose.PROFILING) -> None:
    update_consents(profile_of(user), [Consent(purpose, state)], SYSTEM, day(number))


def stage_of(user: User | None) -> str:
    return CustomerProfile.objects.get(user=user).lifecycle_stage


def named() -> list[str]:
    """The orders that events name."""
    events = ProfileEvent.objects.filter(kind=EventKind.LIFECYCLE_CHANGED).order_by("pk")
    return list(events.values_list("subject_id", flat=True))


def told() -> list[tuple[str, str, str]]:
    events = ProfileEvent.objects.filter(kind=EventKind.LIFECYCLE_CHANGED).order_by("pk")
    return [(event.details["from"], event.details["to"], event.details["cause"]) for event in events]


def test_a_new_account_is_a_prospect_and_an_order_moves_it_at_once() -> None:
    ada = make_customer()
    sync_customer(ada.pk)
    assert stage_of(ada) == "prospect"
    assert not told()

    order = place(ada, 0)
    assert stage_of(ada) == "first_time"
    place(ada, 10)
    assert stage_of(ada) == "repeat"
    place(ada, 400)

    assert stage_of(ada) == "won_back"
    assert told() == [
        ("prospect", "first_time", "order"),
        ("first_time", "repeat", "order"),
        ("repeat", "won_back", "order"),
    ]
    first = ProfileEvent.objects.filter(kind=EventKind.LIFECYCLE_CHANGED).earliest("pk")
    assert (first.subject_id, first.happened_at) == (str(order.pk), day(0))


def test_hearing_of_an_order_again_is_no_news() -> None:
    ada = make_customer()
    order = place(ada, 0)
    of_stages = ProfileEvent.objects.filter(kind="lifecycle_changed")
    before = list(of_stages)

    sync_orders([order.pk])
    sync_customer(ada.pk)

    assert list(of_stages.all()) == before != []


def test_a_cancelled_order_is_none() -> None:
    ada = make_customer()
    order = place(ada, 0)

    cancel_order(order)
    sync_orders([order.pk])

    assert stage_of(ada) == "prospect"
    assert told()[-1] == ("first_time", "prospect", "no_purchase_left")


def test_a_cancelled_order_that_was_not_the_only_one_leaves_fewer() -> None:
    ada = make_customer()
    place(ada, 0)
    order = place(ada, 10)

    cancel_order(order)
    with time_machine.travel(day(11), tick=False):
        sync_orders([order.pk])

    assert told()[-1] == ("repeat", "first_time", "fewer_purchases")
    assert named()[-1] == ""


def test_the_night_follows_the_settings() -> None:
    ada = make_customer()
    place(ada, 0)
    place(ada, 10)

    refresh_all_stages(CRMSettings(loyal_orders=2), day(11))

    assert told()[-1] == ("repeat", "loyal", "settings")


def test_the_shops_terms_are_settings() -> None:
    crm_settings(loyal_orders="3", won_back_days="5", usual_gap_days="7")
    ada, bob = make_customer(), make_customer()
    for number in (0, 1, 2):
        place(ada, number)
    place(bob, 0)
    place(bob, 15)
    assert (stage_of(ada), stage_of(bob)) == ("loyal", "won_back")

    settings = CRMSettings(loyal_orders=3, won_back_days=5, usual_gap_days=7)
    refresh_all_stages(settings, day(20))

    assert (stage_of(ada), stage_of(bob)) == ("at_risk", "repeat")


def test_the_nights_gap_holds_for_the_days_orders() -> None:
    for number in range(20):
        user = make_customer()
        place(user, 0)
        place(user, 20 + number % 2)

    refresh_all_stages(CRMSettings(), day(30))

    assert SyncState.objects.get(name=STATE).value == {"shop_gap_seconds": 20 * 86400}
    ada = make_customer()
    place(ada, 0)
    # 41 days are more than twice the shop's 20, and less than twice the setting's 90.
    place(ada, 41)
    assert stage_of(ada) == "won_back"


def test_the_backfill_tells_of_no_stage_in_between() -> None:
    ada = make_customer()
    for number in (0, 100, 400, 410):
        make_order(ada, created_at=day(number))
    with time_machine.travel(day(411), tick=False):
        backfill(batch_size=1)
        refresh_all_stages(CRMSettings(), timezone.now())

    assert stage_of(ada) == "won_back"
    assert not told()


@pytest.fixture
def history() -> User:
    """Of a shop that has just installed the plugin."""
    ada = make_customer()
    CustomerSegment.objects.create(name="Once", slug="once", query="orders_count = 1")
    for number in (0, 100, 400, 410):
        make_order(ada, created_at=day(number))
    Order.objects.update(updated_at=day(410))
    User.objects.update(updated_at=day(410))
    return ada


def judgements() -> list[str]:
    """Everything that timelines say of what customers have become."""
    kinds = (
        EventKind.LIFECYCLE_CHANGED,
        EventKind.CUSTOMER_TYPE_CHANGED,
        EventKind.SEGMENT_ENTERED,
        EventKind.SEGMENT_LEFT,
    )
    return list(ProfileEvent.objects.filter(kind__in=kinds).order_by("pk").values_list("kind", flat=True))


def test_the_first_reconciliation_tells_of_no_stage_in_between_either(history: User) -> None:
    with time_machine.travel(day(411), tick=False):
        reconcile(batch_size=1)

    assert stage_of(history) == "won_back"
    assert ProfileMetrics.objects.get().orders_count == 4
    assert judgements() == []


def test_nor_does_one_that_goes_on_where_another_was_killed(history: User, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Any] = []

    def killed_at_the_third(order_ids: Any, **options: Any) -> Any:
        if len(synced) == 2:
            raise KeyboardInterrupt
        synced.append(order_ids)
        return sync_orders(order_ids, **options)

    with time_machine.travel(day(411), tick=False):
        with monkeypatch.context() as patch:
            patch.setattr(reconciliation, "sync_orders", killed_at_the_third)
            with pytest.raises(KeyboardInterrupt):
                reconcile(batch_size=1)
        assert len(synced) == 2
        reconcile(batch_size=1)

    assert stage_of(history) == "won_back"
    assert judgements() == []


def test_after_a_backfill_the_first_one_judges_nobody_again(history: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with time_machine.travel(day(411), tick=False):
        backfill()
    judged: list[CRMSettings] = []
    monkeypatch.setattr(reconciliation, "judge_customers", judged.append)

    reconcile()

    assert judged == []


def test_the_night_makes_the_numbers_of_one_that_never_gets_through(
    history: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(*_arguments: Any) -> Any:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(reconciliation, "judge_customers", cancelled)
    with pytest.raises(OperationalError):
        reconcile()

    refresh_rfm_task()

    assert ProfileMetrics.objects.get().orders_count == 4


def test_what_a_later_reconciliation_finds_is_news() -> None:
    ada = make_customer()
    make_order(ada, created_at=day(0))
    with time_machine.travel(day(1), tick=False):
        reconcile()
    second = make_order(ada, created_at=day(20))

    with time_machine.travel(day(21), tick=False):
        reconcile()

    assert told() == [("first_time", "repeat", "order")]
    assert named() == [str(second.pk)]


def test_nothing_is_computed_for_who_refuses() -> None:
    ada = make_customer()
    place(ada, 0)
    CustomerProfile.objects.update(profiling_allowed=False)

    place(ada, 1)
    sync_customer(ada.pk)

    assert stage_of(ada) == ""
    assert told() == [("prospect", "first_time", "order")]


def test_switched_off_profiles_have_no_stage() -> None:
    crm_settings(profiles_enabled=False)

    place(make_customer(), 0)

    assert not CustomerProfile.objects.exclude(lifecycle_stage="").exists()


@pytest.mark.parametrize("again", [False, True])
def test_a_sync_of_many_customers_takes_as_many_statements_as_of_two(again: bool) -> None:
    product = make_product()

    def statements(customers: int) -> int:
        ids = [make_order(make_customer(), lines=[(product, 1)]).pk for _ in range(customers)]
        if again:
            sync_orders(ids)
        with CaptureQueriesContext(connection) as captured:
            sync_orders(ids)
        return len(captured)

    assert statements(9) == statements(2)


def at_risk_by_a_margin() -> User:
    """From day 110 on. The shop's usual gap is 110 days now, no longer 90: judged afresh, they were not at risk."""
    ada = make_customer()
    place(ada, 0)
    place(ada, 10)
    refresh_all_stages(CRMSettings(), day(111))
    SyncState.objects.filter(name=STATE).update(value={"shop_gap_seconds": 110 * 86400})
    assert stage_of(ada) == "at_risk"
    return ada


def test_being_won_back_that_is_over_is_no_orders_doing() -> None:
    ada = make_customer()
    place(ada, 0)
    order = place(ada, 300)
    assert stage_of(ada) == "won_back"

    with time_machine.travel(day(390.2), tick=False):
        refund_order(order, 1)
        sync_orders([order.pk])

    assert told()[-1] == ("won_back", "repeat", "won_back_ended")
    assert named()[-1] == ""


class TestABackfill:
    def test_names_what_came_while_profiles_were_off(self) -> None:
        ada, bob = make_customer(), make_customer()
        for user, number in ((ada, 0), (bob, 0), (bob, 20)):
            place(user, number)
        crm_settings(profiles_enabled=False)
        second, late = place(ada, 390), place(bob, 395)
        crm_settings(profiles_enabled=True)

        with time_machine.travel(day(401), tick=False):
            backfill()

        assert told()[-2:] == [("first_time", "won_back", "order"), ("repeat", "won_back", "order")]
        assert named()[-2:] == [str(second.pk), str(late.pk)]

    def test_names_a_purchase_more(self) -> None:
        ada = make_customer()
        place(ada, 0)
        crm_settings(profiles_enabled=False)
        second = place(ada, 20)
        crm_settings(profiles_enabled=True)

        with time_machine.travel(day(21), tick=False):
            backfill()

        assert told()[-1] == ("first_time", "repeat", "order")
        assert named()[-1] == str(second.pk)

    def test_names_the_last_order_of_an_account_that_was_known(self) -> None:
        ada = make_customer()
        with time_machine.travel(day(1), tick=False):
            sync_customer(ada.pk)
        make_order(ada, created_at=day(2))
        last = make_order(ada, created_at=day(4))

        with time_machine.travel(day(5), tick=False):
            backfill()

        assert told() == [("prospect", "repeat", "order")]
        assert named() == [str(last.pk)]


class TestWithoutAPurchase:
    def test_a_consent_leaves_the_stage_as_the_night_would(self) -> None:
        ada = at_risk_by_a_margin()
        before = (CustomerProfile.objects.values().get(user=ada), told())

        say(ada, 112, ConsentState.GRANTED, ConsentPurpose.MARKETING_EMAIL)

        assert (CustomerProfile.objects.values().get(user=ada), told()) == before

    def test_a_consent_finds_what_time_has_changed(self) -> None:
        ada = make_customer()
        for number in (0, 10, 400):
            place(ada, number)

        say(ada, 491, ConsentState.GRANTED, ConsentPurpose.MARKETING_EMAIL)

        assert told()[-1] == ("won_back", "repeat", "won_back_ended")
        assert named()[-1] == ""

    def test_who_agrees_again_has_a_stage_and_no_event(self) -> None:
        ada = make_customer()
        place(ada, 0)
        place(ada, 10)
        before = told()

        say(ada, 20, ConsentState.REFUSED)
        assert stage_of(ada) == ""
        say(ada, 30, ConsentState.GRANTED)

        assert (stage_of(ada), told()) == ("repeat", before)

    def test_an_account_without_a_stage_gets_one_and_no_event(self) -> None:
        ada = make_customer()
        make_order(ada, created_at=day(0))
        with time_machine.travel(day(10), tick=False):
            backfill()
            CustomerProfile.objects.update(lifecycle_stage="", lifecycle_since=None)
            sync_customer(ada.pk)

        assert stage_of(ada) == "first_time"
        assert not told()


class TestMerging:
    def test_an_order_from_before_the_stage_that_ends_is_not_its_cause(self) -> None:
        ada, eve = at_risk_by_a_margin(), make_customer()
        place(eve, 60)

        merge_customers(profile_of(eve), profile_of(ada), SYSTEM, day(112))

        assert stage_of(ada) == "repeat"
        assert told()[-1] == ("at_risk", "repeat", "silence")
        assert named()[-1] == ""

    def test_an_order_since_is(self) -> None:
        ada, eve = at_risk_by_a_margin(), make_customer()
        order = place(eve, 111.5)

        merge_customers(profile_of(eve), profile_of(ada), SYSTEM, day(112))

        assert told()[-1] == ("at_risk", "won_back", "order")
        assert named()[-1] == str(order.pk)

    def test_what_goes_back_leaves_fewer(self) -> None:
        ada, eve = make_customer(), make_customer()
        for user, number in ((ada, 0), (eve, 10), (ada, 20), (eve, 30)):
            place(user, number)

        merge = merge_customers(profile_of(eve), profile_of(ada), SYSTEM, day(31))
        assert told()[-1] == ("repeat", "loyal", "order")
        separate_customers(merge.pk, SYSTEM, day(32))

        assert stage_of(ada) == "repeat"
        assert told()[-1] == ("loyal", "repeat", "fewer_purchases")
        assert named()[-1] == ""
