"""The script of docs/how-to/remove.md, as it stands there: what goes, what stays, and when it stops."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import pytest
from django.contrib.contenttypes.models import ContentType
from saleor.discount.models import Voucher
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from tests.devshop.factories import make_channel
from tests.integration.loyalty.test_redemption import apply, checkout_of, complete, customer_with_points, pay
from tests.integration.loyalty.test_rewards import order_with, put_on, reward, take
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2] / "docs/how-to/remove.md"


@pytest.fixture(autouse=True)
def scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in shop keeps no schedule in its database."""
    if find_spec("django_celery_beat") is None:
        models = ModuleType("django_celery_beat.models")
        models.PeriodicTask = MagicMock()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "django_celery_beat", ModuleType("django_celery_beat"))
        monkeypatch.setitem(sys.modules, "django_celery_beat.models", models)


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    return channel


@pytest.fixture
def checkout(channel):
    """Over 40, with a reward that takes 5 off."""
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel)
    put_on(checkout, take(reward(), user).code)
    return checkout


def run() -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(script, str(PAGE), "exec"), {})  # as `manage.py shell` does with it


def test_what_the_plugin_has_put_into_saleors_tables_is_gone(checkout):
    run()

    assert not Voucher.objects.exists()
    assert not ContentType.objects.filter(app_label="saleor_crm_plugin").exists()


def test_who_has_not_paid_yet_gets_an_order_for_the_full_price(checkout):
    run()

    checkout.refresh_from_db()
    assert checkout.voucher_code is None
    assert complete(checkout).total_gross_amount == 40


def test_who_has_paid_gets_the_order_that_was_paid(checkout):
    pay(checkout, 35)

    with pytest.raises(AssertionError, match=f"Paid checkouts carry rewards.*{checkout.pk}"):
        run()

    assert complete(checkout).total_gross_amount == 35


def test_a_payment_that_is_under_way_is_waited_for_too(checkout):
    checkout.payments.create(gateway="cards", total=35, currency="USD", is_active=True)

    with pytest.raises(AssertionError, match="Paid checkouts carry rewards"):
        run()

    assert Voucher.objects.exists()


def test_a_checkout_whose_code_another_order_has_used_loses_it(checkout, channel):
    order_with(RewardRedemption.objects.get(), channel)

    run()

    checkout.refresh_from_db()
    assert checkout.voucher_code is None


def test_points_that_a_checkout_holds_stop_it(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)

    with pytest.raises(AssertionError, match="Checkouts still hold points"):
        run()

    assert complete(checkout).total_gross_amount == 33


def test_no_reward_is_taken_between_two_steps(channel):
    user = customer_with_points(1000)
    treat = reward()
    PluginConfiguration.objects.filter(identifier="crm.loyalty").update(active=False)

    run()

    with pytest.raises(LoyaltyInputError) as refused:
        take(treat, user)
    assert refused.value.code == "LOYALTY_DISABLED"
