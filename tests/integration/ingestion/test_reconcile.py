from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.account.models import User
from saleor.order import OrderStatus
from saleor.order.models import Order, OrderEvent
from saleor.payment.models import TransactionItem

from saleor_crm_plugin.ingestion import claims, consents, sync
from saleor_crm_plugin.ingestion import reconcile as module
from saleor_crm_plugin.ingestion.claims import claim_for
from saleor_crm_plugin.ingestion.consents import apply_consent_policy, apply_policy_if_changed
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.ingestion.readers import read_customers
from saleor_crm_plugin.ingestion.reconcile import FULL_SWEEP_EVERY, ReconcileResult, _Run, orders_behind, reconcile
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.consents.enforcement import follow_policy, set_policy
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, ProfileOrder
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import hand_over_orders
from tests.integration.ingestion.state import configure_loyalty, owner_of, state
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[UUID]]]:
    """The batches that are synced."""
    batches: list[list[UUID]] = []

    def spy(order_ids: Any, **options: Any) -> Any:
        batches.append(list(order_ids))
        return sync_orders(order_ids, **options)

    monkeypatch.setattr(module, "sync_orders", spy)
    return batches


def new_order(email: str = "ada@example.com", **fields: Any) -> Order:
    fields.setdefault("lines", [(make_product(price=10), 1)])
    return make_order(email=email, **fields)


def old_order(email: str = "ada@example.com") -> Order:
    """Not changed since long before the last run."""
    order = new_order(email)
    touch(order, LONG_AGO)
    return order


def touch(order: Order, moment: datetime, **changes: Any) -> None:
    """Change the order without a hook, as of that moment."""
    Order.objects.filter(pk=order.pk).update(updated_at=moment, **changes)


def come_back(order: Order, quantity: int) -> None:
    order.fulfillments.create(status="returned").lines.create(order_line=order.lines.get(), quantity=quantity)


def test_orders_that_were_never_seen_are_taken_in() -> None:
    orders = [new_order() for _ in range(3)]
    new_order(status="draft")

    result = reconcile()

    assert result == ReconcileResult(unseen=3, full=True)
    assert set(ProfileOrder.objects.values_list("pk", flat=True)) == {order.pk for order in orders}
    assert ProfileMetrics.objects.get().orders_count == 3


def test_what_is_in_line_is_not_touched_again(calls: list[list[UUID]]) -> None:
    new_order()
    reconcile()
    calls.clear()

    assert reconcile(full=True) == ReconcileResult(full=True)
    assert reconcile(full=False) == ReconcileResult()
    assert calls == []


@pytest.mark.parametrize("full", [False, True])
def test_a_change_that_no_hook_told_of_is_found(full: bool) -> None:
    order = new_order()
    reconcile()
    touch(order, timezone.now(), status="canceled")

    assert reconcile(full=full) == ReconcileResult(changed=1, full=full)
    assert ProfileOrder.objects.get().counts is False


def test_an_order_that_failed_is_tried_again_each_time() -> None:
    order = old_order()
    reconcile()
    OrderSync.objects.update(error="ValueError")

    assert reconcile(full=False) == ReconcileResult(repaired=1)
    assert OrderSync.objects.get().error == ""
    assert owner_of(order.pk) == "ada@example.com"


def test_an_order_that_keeps_failing_ends_the_run_and_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = new_order(), new_order()
    real = sync.read_orders

    def read_orders(order_ids: Any, using: str | None = None) -> Any:
        if bad.pk in order_ids:
            raise ValueError("bad data")
        return real(order_ids, using)

    monkeypatch.setattr(sync, "read_orders", read_orders)

    assert reconcile(batch_size=1) == ReconcileResult(unseen=2, failed=1, full=True)
    assert reconcile(full=False) == ReconcileResult(repaired=1, failed=1)
    assert reconcile(full=True) == ReconcileResult(repaired=1, failed=1, full=True)
    assert dict(OrderSync.objects.values_list("pk", "error")) == {bad.pk: "ValueError", good.pk: ""}
    assert orders_behind() == 1


@pytest.mark.parametrize("full", [False, True])
def test_orders_that_were_silently_given_to_a_new_account_follow_it(full: bool) -> None:
    order = new_order("ada@example.com")
    reconcile()
    user = make_customer("ada@example.com")
    # As Saleor does it when the address is confirmed: no hook, and updated_at stays.
    Order.objects.filter(user_email=user.email, user=None).update(user=user)

    result = reconcile(full=full)

    # The claim finds them first; without a guest to claim, the comparison does.
    assert (result.claimed, result.moved) == (1, 0)
    assert owner_of(order.pk) == f"user {user.email}"


@pytest.mark.parametrize("full", [False, True])
def test_orders_whose_user_changed_otherwise_follow_too(full: bool) -> None:
    order = old_order("ada@example.com")
    reconcile()
    user = make_customer("ada@elsewhere.example")
    Order.objects.update(user=user)

    assert reconcile(full=full) == ReconcileResult(moved=1, recorded=2, full=full)
    assert owner_of(order.pk) == f"user {user.email}"


def test_a_guest_becomes_a_user_once_saleor_has_given_them_the_orders() -> None:
    order = new_order("Ada@Example.com")
    reconcile()
    user = make_customer("ada@example.com")

    # Whoever has registered need not be who has confirmed.
    assert reconcile(full=False).claimed == 0
    assert owner_of(order.pk) == "ada@example.com"
    # Saleor itself compares letter by letter.
    Order.objects.update(user=user)
    assert reconcile(full=True).claimed == 1
    assert owner_of(order.pk) == f"user {user.email}"
    assert reconcile(full=True) == ReconcileResult(full=True)


def test_an_order_that_waits_to_be_confirmed_is_kept_from_the_user_too() -> None:
    """Saleor hands over confirmed orders only, and looks again when the user's address is proven again."""
    order = new_order("ada@example.com", status=OrderStatus.UNCONFIRMED)
    other = new_order("ada@example.com")
    user = make_customer("ada@example.com")
    hand_over_orders(user)
    assert reconcile().claimed == 0
    assert (owner_of(order.pk), owner_of(other.pk)) == ("ada@example.com", f"user {user.email}")
    Order.objects.filter(pk=order.pk).update(status=OrderStatus.UNFULFILLED)
    hand_over_orders(user)
    assert reconcile(full=True).claimed == 1
    assert owner_of(order.pk) == f"user {user.email}"


@pytest.mark.parametrize("fields", [{"is_confirmed": False}, {"is_active": False}])
def test_nobody_gets_a_guests_orders_before_they_have_shown_that_the_address_is_theirs(fields: dict[str, Any]) -> None:
    order = new_order("ada@example.com")
    make_customer("ada@example.com", **fields)

    assert reconcile().claimed == 0
    assert owner_of(order.pk) == "ada@example.com"


def test_a_claim_is_finished_by_the_next_run_if_a_crash_came_between() -> None:
    order = new_order("ada@example.com")
    reconcile()
    user = make_customer("ada@example.com")
    hand_over_orders(user)
    claim_for(read_customers([user.pk]).values())
    assert owner_of_profile(order) != user.pk

    assert reconcile(full=True).moved == 1
    assert owner_of(order.pk) == f"user {user.email}"


def owner_of_profile(order: Order) -> int | None:
    return ProfileOrder.objects.get(pk=order.pk).profile.user_id


def test_profiles_of_deleted_users_lose_their_user_and_keep_their_orders() -> None:
    user = make_customer("ada@example.com")
    order = make_order(user)
    reconcile()
    profile = CustomerProfile.objects.get()
    user.delete()

    result = reconcile(full=True)

    assert (result.detached, result.moved) == (1, 1)
    assert ProfileOrder.objects.get(pk=order.pk).profile_id == profile.pk
    assert list(CustomerProfile.objects.values_list("pk", "user_id")) == [(profile.pk, None)]
    assert reconcile(full=True) == ReconcileResult(full=True)


def test_one_who_cannot_be_forgotten_keeps_nobody_else_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    orders = [make_order(make_customer(f"{name}@example.com")) for name in ("ada", "bob")]
    reconcile()
    bad, good = (ProfileOrder.objects.get(pk=order.pk).profile for order in orders)
    User.objects.all().delete()
    real = claims.blank_texts

    def blank_texts(profile_ids: list[int], using: str) -> None:
        if bad.pk in profile_ids:
            raise IntegrityError("what is kept of them contradicts itself")
        real(profile_ids, using)

    with monkeypatch.context() as patch:
        patch.setattr(claims, "blank_texts", blank_texts)
        assert reconcile(full=True).detached == 1
    good.refresh_from_db()
    assert good.user_id is None
    assert f"Profile {bad.pk} is still to forget its user" in caplog.text
    assert reconcile(full=True).detached == 1


def test_users_without_orders_get_no_profile() -> None:
    make_customer()

    reconcile()

    assert not CustomerProfile.objects.exists()


def test_orders_that_saleor_deleted_are_forgotten() -> None:
    order, other = new_order(), new_order()
    reconcile()
    Order.objects.filter(pk=order.pk).update(total_charged_amount=0)
    for payment in order.payments.all():
        payment.transactions.all().delete()
        payment.delete()
    order.delete()

    assert reconcile(full=True) == ReconcileResult(gone=1, full=True)
    assert set(OrderSync.objects.values_list("pk", flat=True)) == {other.pk}
    assert ProfileMetrics.objects.get().orders_count == 1
    assert reconcile(full=True) == ReconcileResult(full=True)


def test_a_refund_that_did_not_touch_the_order_is_found_by_a_full_sweep() -> None:
    order = new_order(paid=False)
    item = TransactionItem.objects.create(order=order, charged_value=10, currency="USD")
    reconcile()
    TransactionItem.objects.filter(pk=item.pk).update(
        refunded_value=4, charged_value=6, modified_at=timezone.now() + timedelta(seconds=1)
    )

    assert reconcile(full=True).changed == 1
    assert ProfileMetrics.objects.get().refunded == Decimal(4)


def test_what_was_in_flight_when_the_last_run_began_is_found() -> None:
    order = new_order()
    now = timezone.now()
    reconcile(now=now)
    # Written just before the run began, committed after it.
    touch(order, now - timedelta(minutes=9), status="canceled")

    assert reconcile(full=False).changed == 1


def test_what_is_older_than_that_is_left_to_the_full_sweep() -> None:
    order = new_order()
    now = timezone.now()
    reconcile(now=now)
    touch(order, now - timedelta(minutes=11), status="canceled")

    assert reconcile(full=False).changed == 0
    assert reconcile(full=True).changed == 1


def test_every_order_is_compared_once_in_a_while() -> None:
    now = timezone.now()

    runs = [reconcile(now=now + offset).full for offset in (
        timedelta(0), FULL_SWEEP_EVERY / 2, FULL_SWEEP_EVERY, FULL_SWEEP_EVERY * 1.5, FULL_SWEEP_EVERY * 2,
    )]  # fmt: skip

    assert runs == [True, False, True, False, True]


@pytest.mark.parametrize("name", ["until", "swept_at"])
def test_a_run_with_a_clock_that_was_ahead_hides_nothing(name: str) -> None:
    reconcile()
    state = SyncState.objects.get(name="reconcile")
    state.value[name] = (timezone.now() + timedelta(days=365)).isoformat()
    state.save()
    make_order(make_customer())

    assert orders_behind() == 1
    found = reconcile()

    assert (found.unseen, found.full) == (1, True)
    assert not reconcile().full


def test_a_run_that_fails_leaves_the_watermark_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    reconcile(now=now)
    order = new_order()
    touch(order, now + timedelta(minutes=1))

    def broken(order_ids: Any, **options: Any) -> Any:
        raise OSError("the worker is shutting down")

    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_orders", broken)
        with pytest.raises(OSError):
            reconcile(now=now + timedelta(minutes=30), full=False)

    assert SyncState.objects.get(name="reconcile").value["until"] == now.isoformat()
    assert reconcile(now=now + timedelta(minutes=45), full=False).unseen == 1


@pytest.fixture
def cancelled(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """No sweep gets through any more: the shop's statement_timeout ends each."""

    def all_differences(*_arguments: Any) -> Any:
        raise OperationalError("canceling statement due to statement timeout")

    return lambda: monkeypatch.setattr(module, "all_differences", all_differences)


def test_a_sweep_that_does_not_get_through_keeps_nobody_from_what_is_recent(cancelled: Callable[[], None]) -> None:
    swept = timezone.now()
    reconcile(now=swept)
    cancelled()

    for number in (1, 2):
        order = new_order()
        now = swept + FULL_SWEEP_EVERY * number
        touch(order, now)
        with pytest.raises(OperationalError):
            reconcile(now=now)
        assert owner_of(order.pk) == "ada@example.com"

    state = SyncState.objects.get(name="reconcile")
    assert state.value == {"until": now.isoformat(), "swept_at": swept.isoformat()}


def test_nor_does_a_first_one(cancelled: Callable[[], None]) -> None:
    installed = timezone.now() - timedelta(minutes=5)
    history = old_order()
    cancelled()
    with pytest.raises(OperationalError):
        reconcile(now=installed)
    order = new_order()

    with pytest.raises(OperationalError):
        reconcile()

    assert (owner_of(order.pk), owner_of(history.pk)) == ("ada@example.com", None)
    assert orders_behind() == 1


@pytest.mark.parametrize("full", [False, True])
def test_orders_are_taken_in_batches(calls: list[list[UUID]], full: bool) -> None:
    if not full:
        reconcile()
    orders = [new_order() for _ in range(5)]

    assert reconcile(batch_size=2, full=full).unseen == 5
    assert sorted(map(len, calls), reverse=True) == [2, 2, 1]
    assert {order_id for batch in calls for order_id in batch} == {order.pk for order in orders}


def test_looking_takes_the_same_number_of_statements_however_many_orders_there_are() -> None:
    counts = []
    for _ in range(2):
        for _ in range(6):
            new_order()
        reconcile()
        with CaptureQueriesContext(connection) as statements:
            reconcile(full=True)
        with CaptureQueriesContext(connection) as recent:
            reconcile(full=False)
        counts.append((len(statements), len(recent)))

    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_impossible() -> None:
    new_order()
    running, finish = Event(), Event()

    def first() -> None:
        try:
            with only_one("reconcile") as mine:
                assert mine
                running.set()
                finish.wait(10)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(first)
        assert running.wait(10)
        assert reconcile() == ReconcileResult(skipped=True)
        assert not SyncState.objects.exists()
        finish.set()
        other.result()
    assert reconcile().unseen == 1


def test_the_lock_is_given_back_when_a_run_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> Any:
        raise OSError("the worker is shutting down")

    monkeypatch.setattr(module, "_position", broken)
    with pytest.raises(OSError):
        reconcile()

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone()[0] == 0


def test_orders_behind_are_counted() -> None:
    assert orders_behind() == 0
    orders = [new_order() for _ in range(4)]
    new_order(status="draft")
    assert orders_behind() == 4

    sync_orders([orders[0].pk])
    assert orders_behind() == 3

    reconcile()
    assert orders_behind() == 0

    touch(orders[0], timezone.now())
    OrderSync.objects.filter(pk=orders[1].pk).update(error="ValueError")
    assert orders_behind() == 2


def test_reconciling_again_and_again_gives_the_same_state() -> None:
    user = make_customer()
    for number in range(3):
        make_order(user, lines=[(make_product(price=number + 1), 2)])
        new_order(f"guest{number}@example.com")
    reconcile()
    once = state()

    reconcile(full=True)
    sync_orders(Order.objects.values_list("pk", flat=True))

    assert state() == once


@pytest.mark.parametrize("full", [False, True])
def test_an_order_that_saleor_lets_expire_is_found(full: bool) -> None:
    order = new_order(paid=False)
    read_before_it_committed = timezone.now()
    reconcile(full=True)
    # As Saleor does it: `updated_at` stays.
    Order.objects.filter(pk=order.pk).update(status="expired", expired_at=read_before_it_committed)
    OrderEvent.objects.create(order=order, type="expired")

    assert orders_behind() == 1
    assert reconcile(full=full) == ReconcileResult(changed=1, full=full)
    assert ProfileOrder.objects.get().counts is False
    assert reconcile(full=full) == ReconcileResult(full=full)


def test_an_order_that_had_expired_before_this_was_looked_for_is_found() -> None:
    order = new_order(paid=False)
    Order.objects.filter(pk=order.pk).update(status="expired", expired_at=timezone.now())
    reconcile()
    # As earlier versions kept it.
    OrderSync.objects.update(seen_updated_at=order.updated_at)

    assert reconcile(full=True).changed == 1
    assert reconcile(full=True).changed == 0


def test_goods_that_come_back_after_others_are_found_by_a_full_sweep() -> None:
    order = new_order(lines=[(make_product(price=10), 4)], status="partially_returned")
    come_back(order, 1)
    reconcile()
    # Its status stays what it is, so Saleor leaves the order untouched.
    come_back(order, 2)

    assert reconcile(full=True).changed == 1
    assert ProfileOrder.objects.get().returned_items == 3
    assert reconcile(full=True).changed == 0


@pytest.mark.parametrize("full", [True, False])
def test_a_granted_refund_is_found_though_saleor_tells_nobody(full: bool) -> None:
    order = make_order(email="ada@example.com", lines=[(make_product(price=60), 1)])
    reconcile(full=True)
    grant = order.granted_refunds.create(amount_value=Decimal(60), currency="USD")
    grant.lines.create(order_line=order.lines.get(), quantity=1)

    assert reconcile(full=full).changed == 1
    assert reconcile(full=full).changed == 0


@pytest.mark.parametrize("full", [True, False])
def test_a_granted_refund_that_fails_is_found_though_saleor_tells_nobody(full: bool) -> None:
    configure_loyalty(make_channel(), points_per_unit="1", earn_from=LONG_AGO.isoformat())
    order = make_order(email="ada@example.com", lines=[(make_product(price=60), 1)])
    item = TransactionItem.objects.create(order=order, currency="USD")
    grant = order.granted_refunds.create(amount_value=Decimal(60), currency="USD", transaction_item=item)
    grant.lines.create(order_line=order.lines.get(), quantity=1)
    reconcile(full=True)
    assert LoyaltyAccount.objects.get().active == 0
    # As Saleor does it where the payment app does not answer: no time of the grant, order or transaction moves.
    item.events.create(type="refund_failure", amount_value=Decimal(60), currency="USD", related_granted_refund=grant)
    grant.status = "failure"
    grant.save(update_fields=["status"])

    assert orders_behind() == 1
    assert reconcile(full=full) == ReconcileResult(changed=1, full=full)
    assert LoyaltyAccount.objects.get().active == 60
    assert reconcile(full=full) == ReconcileResult(full=full)


@pytest.mark.parametrize("full", [True, False])
def test_a_granted_refund_has_failed_before_saleor_writes_it(full: bool) -> None:
    configure_loyalty(make_channel(), points_per_unit="1", earn_from=LONG_AGO.isoformat())
    order = make_order(email="ada@example.com", lines=[(make_product(price=60), 1)])
    item = TransactionItem.objects.create(order=order, currency="USD")
    grant = order.granted_refunds.create(
        amount_value=Decimal(60), currency="USD", transaction_item=item, status="pending"
    )
    grant.lines.create(order_line=order.lines.get(), quantity=1)
    reconcile(full=True)
    assert LoyaltyAccount.objects.get().active == 0
    # As Saleor does it where the payment app says no: it tells us of the transaction, and then no time moves.
    item.events.create(type="refund_failure", amount_value=Decimal(60), currency="USD", related_granted_refund=grant)
    sync_orders([order.pk])
    grant.status = "failure"
    grant.save(update_fields=["status"])
    reconcile(full=full)

    assert LoyaltyAccount.objects.get().active == 60
    assert reconcile(full=full) == ReconcileResult(full=full)


def test_a_granted_refund_that_is_asked_for_again_is_found_by_a_full_sweep() -> None:
    order = new_order()
    item = TransactionItem.objects.create(order=order, currency="USD")
    grant = order.granted_refunds.create(amount_value=Decimal(10), currency="USD", status="failure")
    reconcile(full=True)
    item.events.create(type="refund_request", amount_value=Decimal(10), currency="USD", related_granted_refund=grant)
    grant.status = "pending"
    grant.save(update_fields=["status"])

    assert reconcile(full=True).changed == 1
    assert reconcile(full=True).changed == 0


class TestConsentPolicy:
    """The setting is saved while the broker is down: nobody is told."""

    @pytest.fixture
    def silent(self) -> CustomerProfile:
        """Somebody who has said nothing, in a shop that is in line."""
        make_order(make_customer())
        reconcile()
        return CustomerProfile.objects.get()

    def profiled(self, silent: CustomerProfile) -> bool:
        silent.refresh_from_db()
        return silent.profiling_allowed

    @pytest.mark.parametrize("full", [False, True])
    def test_it_is_applied_by_the_next_run(self, silent: CustomerProfile, full: bool) -> None:
        crm_settings(consent_required=True)
        reconcile(full=full)
        assert self.profiled(silent) is False
        crm_settings(consent_required=False)
        reconcile(full=full)
        assert self.profiled(silent) is True

    @pytest.mark.parametrize("wanted", [False, True])
    def test_one_that_was_interrupted_is_finished_or_taken_back(
        self, silent: CustomerProfile, monkeypatch: pytest.MonkeyPatch, wanted: bool
    ) -> None:
        def interrupted(*arguments: Any) -> Iterator[list[int]]:
            yield [silent.pk]
            raise OSError("the worker is shutting down")

        with monkeypatch.context() as patch:
            patch.setattr(consents, "all_profiles", interrupted)
            with pytest.raises(OSError):
                apply_consent_policy(True)
        other = CustomerProfile.objects.create(profiling_allowed=True)
        crm_settings(consent_required=wanted)
        reconcile(full=False)
        assert self.profiled(silent) is not wanted
        other.refresh_from_db()
        assert other.profiling_allowed is not wanted

    def test_one_that_another_has_overtaken_does_not_say_that_it_holds(
        self, silent: CustomerProfile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def overtaken(*arguments: Any) -> Any:
            set_policy(consent_required=False)
            return follow_policy(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(consents, "follow_policy", overtaken)
            apply_consent_policy(True)
        crm_settings(consent_required=True)
        reconcile(full=False)
        assert self.profiled(silent) is False

    @pytest.mark.parametrize("full", [False, True])
    def test_one_that_is_saved_during_a_run_stays(
        self, silent: CustomerProfile, monkeypatch: pytest.MonkeyPatch, full: bool
    ) -> None:
        def saved_meanwhile(*arguments: Any) -> None:
            crm_settings(consent_required=True)
            apply_consent_policy(True)

        with monkeypatch.context() as patch:
            patch.setattr(_Run, "look_at_recent", saved_meanwhile)
            reconcile(full=full)
        assert self.profiled(silent) is False

    def test_one_that_holds_costs_two_statements(self) -> None:
        for _ in ("of which nobody has said anything", "that was applied"):
            with CaptureQueriesContext(connection) as statements:
                apply_policy_if_changed()
            assert len(statements) == 2
            apply_consent_policy(False)
