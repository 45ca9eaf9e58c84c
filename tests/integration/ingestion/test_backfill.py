from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from saleor.order import OrderOrigin
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import backfill as module
from saleor_crm_plugin.ingestion import sync
from saleor_crm_plugin.ingestion.backfill import BackfillError, BackfillResult, Position, backfill
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_order, sync_orders
from saleor_crm_plugin.ingestion.tasks import refresh_rfm_task
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.management.commands.crm_backfill import MOST_PER_BATCH, parse_since
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import ProfileMetrics, RFMGroup
from saleor_crm_plugin.profiles.rfm import refresh_rfm
from tests.devshop.factories import complete_draft, make_channel, make_customer, make_order, make_product
from tests.devshop.flows import hand_over_orders
from tests.integration.ingestion.state import configure_loyalty, count_rows, owner_of, points_of, state, undone

pytestmark = pytest.mark.django_db

START = datetime(2024, 1, 1, tzinfo=UTC)
Run = Callable[..., str]


def orders_on(*days: float, **fields: Any) -> list[Order]:
    fields.setdefault("lines", [(make_product(price=10, channel=fields.get("channel")), 1)])
    fields.setdefault("email", "ada@example.com")
    return [make_order(created_at=START + timedelta(days=day), **fields) for day in days]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[UUID]]]:
    """The batches that are synced."""
    batches: list[list[UUID]] = []

    def spy(order_ids: Any, **options: Any) -> Any:
        batches.append(list(order_ids))
        return sync_orders(order_ids, **options)

    monkeypatch.setattr(module, "sync_orders", spy)
    return batches


@pytest.fixture
def run() -> Run:
    def call(*arguments: str) -> str:
        out = StringIO()
        call_command("crm_backfill", "--verbosity=0", *arguments, stdout=out)
        return out.getvalue()

    return call


def test_history_is_taken_in_oldest_first(calls: list[list[UUID]]) -> None:
    third, first, second = orders_on(3, 1, 2)
    orders_on(0, status="draft")
    progress: list[int] = []

    result = backfill(batch_size=2, progress=progress.append)

    assert result == BackfillResult(orders=3, by_channel={"default-channel": 3})
    assert calls == [[first.pk, second.pk], [third.pk]]
    assert progress == [2, 1]
    assert ProfileMetrics.objects.get().orders_count == 3
    assert not SyncState.objects.filter(name__startswith=module.JOB).exists()


def test_customers_are_scored_at_the_end() -> None:
    recent = datetime.now(UTC) - timedelta(days=3)
    make_order(email="ada@example.com", created_at=recent)

    backfill()

    assert ProfileMetrics.objects.get().rfm_group == RFMGroup.NEEDS_ATTENTION


def test_orders_of_the_same_moment_are_each_taken_once(calls: list[list[UUID]]) -> None:
    orders = orders_on(*[1] * 7)

    backfill(batch_size=2)

    taken = [order_id for batch in calls for order_id in batch]
    assert taken == sorted(order.pk for order in orders)


def test_a_backfill_and_one_hint_for_each_order_give_the_same_rows() -> None:
    channel = make_channel()
    configure_loyalty(channel, points_per_unit="1", earn_from=START.isoformat(), award_imported_orders=True)
    user = make_customer("bob@example.com")
    products = [make_product(price=price, channel=channel) for price in (3, 7, 20)]
    for day in range(12):
        orders_on(
            day,
            email="" if day % 4 == 0 else f"guest{day % 3}@example.com",
            user=user if day % 4 == 0 else None,
            lines=[(products[day % 3], 1 + day % 2)],
            paid=day % 5 != 0,
            status="canceled" if day == 7 else "unfulfilled",
            origin=OrderOrigin.BULK_CREATE if day == 8 else OrderOrigin.CHECKOUT,
        )
    with undone():
        backfill(batch_size=5)
        by_backfill = state()
    assert not OrderSync.objects.exists()

    for order_id in Order.objects.order_by("?").values_list("pk", flat=True):
        sync_order(order_id)
    refresh_rfm(365, datetime.now(UTC))

    assert by_backfill["points"], "points are part of the comparison"
    assert state() == by_backfill


def test_running_it_again_changes_nothing() -> None:
    orders_on(1, 2, 3)
    backfill()
    before, rows = state(), count_rows()

    assert backfill().orders == 3

    assert (state(), count_rows()) == (before, rows)


def test_an_interrupted_run_goes_on_where_it_stopped(calls: list[list[UUID]], monkeypatch: pytest.MonkeyPatch) -> None:
    orders = orders_on(1, 2, 3, 4, 5)
    spy = module.sync_orders

    def killed_at_the_second_batch(order_ids: Any, **options: Any) -> Any:
        if calls:
            raise KeyboardInterrupt
        return spy(order_ids, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_orders", killed_at_the_second_batch)
        with pytest.raises(KeyboardInterrupt):
            backfill(batch_size=2)
    assert OrderSync.objects.count() == 2
    calls.clear()
    progress: list[int] = []

    result = backfill(batch_size=2, progress=progress.append)

    assert result == BackfillResult(orders=3, skipped=2, resumed=True, by_channel={"default-channel": 5})
    assert calls == [[orders[2].pk, orders[3].pk], [orders[4].pk]]
    assert progress == [2, 2, 1]
    assert not SyncState.objects.filter(name__startswith=module.JOB).exists()


def test_the_night_makes_the_numbers_of_an_interrupted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    make_order(make_customer(), lines=[(make_product(), 1)])

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "_finish", die)
        with pytest.raises(KeyboardInterrupt):
            backfill()
    assert reconcile(full=True).changed == 0

    refresh_rfm_task()

    assert ProfileMetrics.objects.get().orders_count == 1


def test_restart_begins_anew(calls: list[list[UUID]]) -> None:
    orders = orders_on(1, 2)
    _stopped_after(orders[0])

    assert backfill(restart=True).orders == 2
    assert calls == [[orders[0].pk, orders[1].pk]]


def test_another_selection_has_a_position_of_its_own(calls: list[list[UUID]]) -> None:
    orders = orders_on(1, 2)
    _stopped_after(orders[0])

    assert backfill(channel="default-channel").resumed is False
    assert backfill().resumed is True
    assert calls == [[orders[0].pk, orders[1].pk], [orders[1].pk]]


def _stopped_after(order: Order) -> None:
    position = Position(order.created_at, order.pk, 1, load_settings().fingerprint())
    SyncState.objects.create(name="backfill::", value=position.as_json())


def test_the_position_of_an_earlier_version_does_not_say_by_which_settings(calls: list[list[UUID]]) -> None:
    orders = orders_on(1, 2)
    position = {"created_at": orders[0].created_at.isoformat(), "order_id": str(orders[0].pk), "done": 1}
    SyncState.objects.create(name="backfill::", value=position)

    result = backfill()

    assert (result.orders, result.skipped) == (2, 0)


def test_a_position_with_the_longest_names_fits() -> None:
    channel = make_channel("c" * 250)
    orders_on(1, channel=channel)

    assert backfill(START.replace(microsecond=123456), "c" * 250).orders == 1


def test_since_is_inclusive() -> None:
    before, on, after = orders_on(1, 2, 3)

    assert backfill(START + timedelta(days=2)).orders == 2
    assert set(OrderSync.objects.values_list("pk", flat=True)) == {on.pk, after.pk} != {before.pk}


def test_a_draft_is_placed_when_staff_complete_it() -> None:
    began, placed = START + timedelta(days=1), START + timedelta(days=5)
    (order, earlier, still_draft), (later,) = orders_on(0, 0, 0, origin=OrderOrigin.DRAFT), orders_on(3)
    complete_draft(order, placed)
    complete_draft(earlier, began - timedelta(hours=1))
    complete_draft(still_draft, placed)
    Order.objects.filter(pk=still_draft.pk).update(status="draft")

    assert backfill(began, dry_run=True).orders == 2
    assert backfill(began, batch_size=1).orders == 2
    assert set(OrderSync.objects.values_list("pk", flat=True)) == {order.pk, later.pk}


def test_only_one_channel() -> None:
    orders_on(1, channel=make_channel("us", "USD"))
    (euro,) = orders_on(2, channel=make_channel("eu", "EUR"))

    assert backfill(channel="eu").by_channel == {"eu": 1}
    assert list(OrderSync.objects.values_list("pk", flat=True)) == [euro.pk]


def test_an_unknown_channel_is_refused_with_those_that_exist() -> None:
    make_channel("eu", "EUR")
    make_channel("us", "USD")

    with pytest.raises(BackfillError, match=r"^There is no channel 'uk'\. There are: eu, us\.$"):
        backfill(channel="uk")


def test_a_dry_run_counts_and_writes_nothing() -> None:
    orders_on(1, 2, channel=make_channel("us", "USD"))
    orders_on(3, channel=make_channel("eu", "EUR"))
    orders_on(4, status="draft")
    before = count_rows()

    assert backfill(dry_run=True) == BackfillResult(orders=3, dry_run=True, by_channel={"eu": 1, "us": 2})
    assert count_rows() == before


def test_what_fails_is_counted_and_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = orders_on(1, 2)
    real = sync.read_orders

    def read_orders(order_ids: Any, using: str | None = None) -> Any:
        if bad.pk in order_ids:
            raise ValueError("bad data")
        return real(order_ids, using)

    monkeypatch.setattr(sync, "read_orders", read_orders)

    with pytest.raises(CommandError) as error:
        call_command("crm_backfill", verbosity=0, stdout=StringIO())
    assert str(error.value) == (
        "Synced 2 orders, and 1 of them failed; the log says why. Reconciliation tries them again, or run "
        "crm_reconcile."
    )
    assert owner_of(good.pk) == "ada@example.com"


def test_guests_of_known_users_end_up_with_them() -> None:
    (order,) = orders_on(1, email="ada@example.com")
    backfill()
    user = make_customer("ada@example.com")
    hand_over_orders(user)

    backfill(restart=True)

    assert owner_of(order.pk) == f"user {user.email}"


def test_a_guest_who_cannot_go_to_the_user_yet_is_said(run: Run) -> None:
    guest = GuestPerson("ada@example.com")
    opened = accounts.ensure(accounts.default_program_id(), resolve_profiles([guest]).values(), "default")
    (account_id,) = opened.values()
    adjust(account_id, 5, "Import", SYSTEM, "import")
    LoyaltyAccount.objects.update(held=5)
    make_customer("ada@example.com")
    orders_on(1, email="eve@example.com")

    with pytest.raises(CommandError) as error:
        run()
    assert str(error.value) == (
        "Synced 1 orders. Guests who cannot go to the user of their address yet: 1; the log says why. Each full "
        "reconciliation tries again."
    )
    LoyaltyAccount.objects.update(held=0)
    assert run().splitlines()[-1] == "Synced 1 orders."


def test_points_for_history_follow_the_settings() -> None:
    channel = make_channel()
    before, after = orders_on(1, 3)
    (imported,) = orders_on(4, origin=OrderOrigin.BULK_CREATE)
    configure_loyalty(channel, points_per_unit="2", earn_from=(START + timedelta(days=2)).isoformat())

    backfill()

    assert [points_of(order.pk) for order in (before, after, imported)] == [{}, {"earn": 20}, {}]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_refused() -> None:
    running, finish = Event(), Event()

    def first() -> None:
        try:
            with only_one("backfill"):
                running.set()
                finish.wait(10)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(first)
        assert running.wait(10)
        try:
            with pytest.raises(BackfillError, match="under way already"):
                backfill()
        finally:
            finish.set()
        other.result()


def test_the_command_shows_what_there_is_and_what_it_did(run: Run) -> None:
    orders_on(1, 2, channel=make_channel("us", "USD"))

    assert run("--dry-run").splitlines() == ["us: 2 orders", "In all: 2 orders"]
    assert not OrderSync.objects.exists()
    assert run("--since=2024-01-03", "--channel=us").splitlines()[-1] == "Synced 1 orders."
    assert run().splitlines()[-1] == "Synced 2 orders."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since=yesterday"], "--since 'yesterday' is not a date. Write it like 2024-01-31"),
        (["--since=2024-02-31"], "--since '2024-02-31' is not a date"),
        (["--since="], "--since '' is not a date"),
        (["--since=2024-01-31T25:00"], "--since '2024-01-31T25:00' is not a date"),
        (["--channel=uk"], "There is no channel 'uk'. There are: default-channel."),
        (["--batch-size=0"], "--batch-size is 0; it must be from 1 to 5000."),
        ([f"--batch-size={MOST_PER_BATCH + 1}"], "--batch-size is 5001; it must be from 1 to 5000."),
    ],
)
def test_wrong_arguments_are_refused_with_what_is_right(run: Run, arguments: list[str], message: str) -> None:
    make_channel()

    with pytest.raises(CommandError) as refused:
        run(*arguments)

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T12:30", datetime(2024, 1, 31, 12, 30, tzinfo=UTC)),
        ("2024-01-31T12:30:00+02:00", datetime(2024, 1, 31, 10, 30, tzinfo=UTC)),
        (None, None),
    ],
)
def test_since_is_a_day_or_a_time(text: str | None, moment: datetime | None) -> None:
    assert parse_since(text) == moment


def test_an_interrupted_run_begins_anew_where_settings_have_changed(calls: list[list[UUID]]) -> None:
    channel = make_channel()
    user = make_customer()
    first, second = orders_on(1, 2, channel=channel, user=user, email="")
    _stopped_after(first)
    configure_loyalty(channel, points_per_unit="1", earn_from=START.isoformat(), award_imported_orders=True)

    result = backfill()

    assert (result.orders, result.skipped, result.resumed) == (2, 0, False)
    assert [points_of(order.pk) for order in (first, second)] == [{"earn": 10}] * 2
