"""A checkout with points changes and no hint comes of it: the job that runs every two minutes finds it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from saleor.checkout.models import Checkout
from saleor.checkout.utils import remove_voucher_from_checkout

from saleor_crm_plugin.ingestion import changed_checkouts, tasks
from saleor_crm_plugin.ingestion.changed_checkouts import refit_changed_holds
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.loyalty.models import HoldStatus, PointsHold
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import account, apply, checkout_of, customer_with_points
from tests.integration.loyalty.test_redemption_gift_card import put_voucher
from tests.integration.loyalty.test_refit import FORMS, changed, half_in_points

pytestmark = pytest.mark.django_db


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def channel(form):
    return half_in_points(form)


@pytest.fixture
def checkout(channel):
    """Two of a product at 20, with 2000 points on them: half of the price."""
    return with_points(channel, customer_with_points(5000))


def with_points(channel, user) -> Checkout:
    checkout = checkout_of(user, channel, price=20)
    changed(checkout, 2)
    assert apply(checkout, 2000).points == 2000
    return checkout


def run(now: datetime | None = None) -> int | None:
    return refit_changed_holds(load_settings(), now or timezone.now())


def held(checkout: Checkout) -> tuple[int, D]:
    return PointsHold.objects.values_list("points", "amount").get(checkout_token=checkout.pk, status=HoldStatus.HELD)


def test_points_are_never_worth_more_than_the_share_for_longer_than_until_the_next_run(checkout):
    changed(checkout, 1)
    tasks.release_holds_task.apply_async(throw=True)
    assert held(checkout) == (1000, D("10.00"))
    assert (account().held, account().spendable) == (1000, 4000)
    changed(checkout, 2)
    tasks.release_holds_task.apply_async(throw=True)
    assert held(checkout) == (2000, D("20.00"))
    assert_ledger_adds_up()


def test_whoever_signs_out_and_takes_them_off_has_the_points_back(checkout):
    # Nothing in Saleor's event shows that these are points.
    Checkout.objects.update(user=None)
    checkout.refresh_from_db()
    remove_voucher_from_checkout(checkout)
    checkout.gift_cards.clear()
    tasks.release_holds_task.apply_async(throw=True)
    assert (account().held, account().spendable) == (0, 5000)
    assert_ledger_adds_up()


@pytest.mark.parametrize("form", ["voucher"], indirect=True)
def test_the_voucher_of_points_comes_off_another_checkout(checkout, channel):
    other = checkout_of(checkout.user, channel, price=20)
    put_voucher(other, PointsHold.objects.get().code)
    assert run() == 1
    other.refresh_from_db()
    checkout.refresh_from_db()
    assert (other.voucher_code, checkout.voucher_code) == (None, PointsHold.objects.get().code)


def test_what_changed_while_no_job_ran_is_found_whenever_that_was(checkout):
    now = timezone.now()
    assert run(now - timedelta(hours=6)) == 0
    checkout.lines.update(quantity=1)
    Checkout.objects.update(last_change=now - timedelta(hours=5))
    assert run(now) == 1
    assert held(checkout) == (1000, D("10.00"))


def test_a_checkout_that_stays_as_it_is_is_looked_at_once(checkout, django_assert_num_queries):
    now = timezone.now()
    later = now + timedelta(minutes=10)
    assert run(now) == 0
    assert run(later) == 0
    settings = load_settings()
    # Lock, position, checkouts; and the position again, in a transaction of its own.
    with django_assert_num_queries(8):
        assert refit_changed_holds(settings, later + timedelta(minutes=2)) == 0


def test_one_checkout_that_fails_keeps_no_other_from_it(checkout, channel, monkeypatch, caplog):
    other = with_points(channel, checkout.user)
    changed(checkout, 1)
    changed(other, 1)
    first = min(checkout.pk, other.pk)
    refit = changed_checkouts.refit_hold

    def fails_once(token, settings):
        if token == first:
            raise ValueError("a secret")
        return refit(token, settings)

    monkeypatch.setattr(changed_checkouts, "refit_hold", fails_once)
    assert run() == 1
    assert sorted(held(one)[0] for one in (checkout, other)) == [1000, 2000]
    assert [record.getMessage() for record in caplog.records] == [f"Points do not follow their checkout ({first})."]
