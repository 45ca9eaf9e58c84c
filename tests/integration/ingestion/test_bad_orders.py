"""Orders as no shop should have them, and as shops do. Each has a defined result, and none holds up the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from saleor.order import OrderOrigin
from saleor.order.models import Order
from saleor.product.models import Product

from saleor_crm_plugin.exceptions import LedgerError
from saleor_crm_plugin.ingestion import sync as sync_module
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.sync import SyncResult, sync_customer, sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity, ProfileMetrics, ProfileOrder
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.ingestion.state import configure_loyalty, count_rows, owner_of, points_of

pytestmark = pytest.mark.django_db

LONG_AGO = "2000-01-01T00:00:00+00:00"


@pytest.fixture(autouse=True)
def loyalty() -> None:
    configure_loyalty(make_channel(), points_per_unit="1", earn_from=LONG_AGO, award_imported_orders=True)


def sync(*orders: Order) -> SyncResult:
    """Together with an order that is as it should be, which must come through."""
    sound = make_order(email="sound@example.com", lines=[(make_product(price=10), 1)])
    result = sync_orders([*(order.pk for order in orders), sound.pk])
    assert sound.pk in result.synced
    assert points_of(sound.pk) == {"earn": 10}
    return result


def failing_on(bad: Order, error: Exception) -> Callable[..., Any]:
    real = sync_module.read_orders

    def read_orders(order_ids: Any, using: str | None = None) -> Any:
        if bad.pk in order_ids:
            raise error
        return real(order_ids, using)

    return read_orders


def metrics() -> tuple[Any, ...]:
    row = ProfileMetrics.objects.exclude(profile__identities__value="sound@example.com")
    return row.values_list("orders_count", "gross_spent", "refunded", "net_spent").get()


def set_total(order: Order, total: str, charged: str | None = None) -> None:
    Order.objects.filter(pk=order.pk).update(
        total_gross_amount=Decimal(total), total_net_amount=Decimal(total),
        total_charged_amount=Decimal(total if charged is None else charged),
    )  # fmt: skip


def test_an_order_without_lines_is_an_order_that_earns_nothing() -> None:
    order = make_order(email="ada@example.com")
    order.lines.all().delete()

    assert order.pk in sync(order).synced
    assert read_orders([order.pk])[order.pk].lines == ()
    assert metrics() == (1, 10, 0, 10)
    assert points_of(order.pk) == {}


def test_lines_of_a_deleted_product_keep_their_money() -> None:
    product = make_product(price=30)
    order = make_order(email="ada@example.com", lines=[(product, 1)])
    Product.objects.get(pk=product.pk).delete()

    assert order.pk in sync(order).synced
    (line,) = read_orders([order.pk])[order.pk].lines
    assert (line.product_id, line.variant_id, line.total_gross) == (None, None, 30)
    assert points_of(order.pk) == {"earn": 30}


def test_lines_of_a_deleted_variant_keep_their_money() -> None:
    product = make_product(price=30)
    order = make_order(email="ada@example.com", lines=[(product, 1)])
    product.variants.all().delete()

    assert order.pk in sync(order).synced
    (line,) = read_orders([order.pk])[order.pk].lines
    assert (line.product_id, line.variant_id) == (None, None)
    assert points_of(order.pk) == {"earn": 30}


def test_an_order_over_nothing_counts_and_earns_nothing() -> None:
    order = make_order(email="ada@example.com", lines=[(make_product(price=0), 1)], paid=False)

    assert order.pk in sync(order).synced
    assert read_orders([order.pk])[order.pk].paid_at is not None
    assert metrics() == (1, 0, 0, 0)
    assert points_of(order.pk) == {}


def test_negative_quantities_and_totals_of_imported_data_are_kept_and_earn_nothing() -> None:
    order = make_order(email="ada@example.com", origin=OrderOrigin.BULK_CREATE)
    order.lines.update(quantity=-2, total_price_gross_amount=Decimal(-20), total_price_net_amount=Decimal(-20))
    set_total(order, "-20")

    assert order.pk in sync(order).synced
    (line,) = read_orders([order.pk])[order.pk].lines
    assert (line.quantity, line.total_gross) == (-2, -20)
    assert metrics() == (1, -20, 0, -20)
    assert points_of(order.pk) == {}


def test_a_refund_over_more_than_the_order_takes_back_no_more_than_was_earned() -> None:
    order = make_order(email="ada@example.com", lines=[(make_product(price=10), 1)])
    sync_orders([order.pk])
    order.payment_transactions.create(refunded_value=Decimal(25), currency="USD")

    assert order.pk in sync(order).synced
    assert metrics() == (1, 10, 25, -15)
    assert points_of(order.pk) == {"earn": 10, "earn_reversal": -10}


def test_an_order_without_user_and_address_is_nobodys() -> None:
    order = make_order()
    assert (order.user_id, order.user_email) == (None, "")

    assert order.pk in sync(order).synced
    assert owner_of(order.pk) is None
    assert OrderSync.objects.get(pk=order.pk).error == ""
    assert points_of(order.pk) == {}
    assert CustomerProfile.objects.count() == 1, "that of the sound order"


def test_an_order_that_becomes_nobodys_leaves_the_person_it_was_given_to() -> None:
    order = make_order(email="ada@example.com")
    sync_orders([order.pk])
    Order.objects.filter(pk=order.pk).update(user_email="")

    sync(order)

    assert owner_of(order.pk) is None
    assert not ProfileMetrics.objects.exclude(profile__identities__value="sound@example.com").exists()


@pytest.mark.parametrize("email", ["  Ada@Example.com ", "ADA@EXAMPLE.COM"])
def test_an_address_written_otherwise_is_the_same_guest(email: str) -> None:
    first, second = make_order(email="ada@example.com"), make_order(email="bob@example.com")
    Order.objects.filter(pk=second.pk).update(user_email=email)

    sync(first, second)

    assert owner_of(first.pk) == owner_of(second.pk) == "ada@example.com"


def test_an_odd_address_is_an_address_all_the_same() -> None:
    order = make_order(email="ada@example.com")
    Order.objects.filter(pk=order.pk).update(user_email="not an address % ' \" \\ {}")

    assert order.pk in sync(order).synced
    assert ProfileIdentity.objects.filter(value="not an address % ' \" \\ {}").exists()


def test_a_currency_that_is_not_the_channels_has_metrics_of_its_own() -> None:
    order = make_order(email="ada@example.com")
    Order.objects.filter(pk=order.pk).update(currency="XTS")

    assert order.pk in sync(order).synced
    assert set(ProfileMetrics.objects.values_list("currency", flat=True)) == {"USD", "XTS"}


def test_a_draft_leaves_no_trace_even_if_a_hint_came_for_it() -> None:
    order = make_order(email="ada@example.com", status="draft")

    result = sync(order)

    assert order.pk in result.skipped
    assert owner_of(order.pk) is None
    assert not OrderSync.objects.filter(pk=order.pk).exists()


def test_an_unconfirmed_order_is_known_but_not_a_purchase() -> None:
    order = make_order(email="ada@example.com", status="unconfirmed")

    sync(order)

    assert metrics() == (0, 0, 0, 0)
    assert points_of(order.pk) == {}


def test_an_order_that_is_gone_is_skipped() -> None:
    gone = uuid4()

    assert sync_orders([gone]) == SyncResult(skipped={gone})
    assert not OrderSync.objects.exists()


def test_an_order_whose_facts_do_not_fit_is_noted_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = make_order(email="ada@example.com")
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(sync_module, "read_orders", failing_on(bad, ValueError("ada@example.com")))
        assert sync(bad).failed == {bad.pk}

    seen = OrderSync.objects.get(pk=bad.pk)
    assert (seen.error, seen.synced_at) == ("ValueError", None), "the text of an error may hold personal data"
    (record,) = caplog.records
    assert str(bad.pk) in record.message
    assert "crm_reconcile" in record.message
    assert sync_orders([bad.pk]).synced == {bad.pk}
    assert OrderSync.objects.get(pk=bad.pk).error == ""


@pytest.mark.parametrize("error", [LedgerError("it does not add up"), AssertionError(), AttributeError("profile_id")])
def test_whatever_is_wrong_with_an_order_holds_up_no_other(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    bad = make_order(email="ada@example.com")
    monkeypatch.setattr(sync_module, "read_orders", failing_on(bad, error))

    assert sync(bad).failed == {bad.pk}
    assert OrderSync.objects.get(pk=bad.pk).error == type(error).__name__


def test_a_database_that_cannot_is_no_fault_of_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order(email="ada@example.com")
    monkeypatch.setattr(sync_module, "read_orders", failing_on(order, OperationalError("deadlock detected")))

    with pytest.raises(OperationalError, match="deadlock detected"):
        sync_orders([order.pk])

    assert not OrderSync.objects.exists()


def test_a_user_who_was_deleted_between_hook_and_task_leaves_nothing_behind() -> None:
    user = make_customer()
    user_id = user.pk
    user.delete()
    before = count_rows()

    sync_customer(user_id)

    assert count_rows() == before


def test_a_user_who_was_deleted_keeps_a_profile_without_a_name() -> None:
    user = make_customer("ada@example.com")
    order = make_order(user, lines=[(make_product(price=10), 1)])
    sync_orders([order.pk])
    profile = CustomerProfile.objects.get()
    user_id = user.pk
    user.delete()

    sync_customer(user_id)
    sync(order)

    profile.refresh_from_db()
    assert profile.user_id is None
    assert ProfileOrder.objects.get(pk=order.pk).profile_id == profile.pk
    assert not ProfileIdentity.objects.filter(value="ada@example.com").exists()
    assert points_of(order.pk) == {"earn": 10}
