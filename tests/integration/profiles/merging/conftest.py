from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from saleor_crm_plugin.profiles.identity import UserPerson
from tests.devshop.factories import make_channel, make_customer, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.profiles.merging import shop
from tests.shop_settings import loyalty_settings


@pytest.fixture
def store(db):
    """One point for each dollar."""
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01", point_value="0.01")
    product = make_product(price=10, channel=channel, stock=None)
    yield SimpleNamespace(
        channel=channel,
        product=product,
        guest=partial(shop.guest, channel=channel, product=product),
        buy=partial(shop.buy, channel=channel, product=product),
    )
    assert_ledger_adds_up()


@pytest.fixture
def ada(store):
    """A user who has bought for 60 dollars, and the profile."""
    user = make_customer("ada@example.com", first_name="Ada", last_name="Lovelace")
    orders = store.buy(60, user=user)
    return SimpleNamespace(user=user, profile=shop.profile_of(UserPerson(user.pk)), orders=orders)


@pytest.fixture
def eve(store):
    """Another one, who has bought for 25 and 15 dollars."""
    user = make_customer("eve@example.com", first_name="Eve", last_name="Online")
    orders = store.buy(25, 15, user=user)
    return SimpleNamespace(user=user, profile=shop.profile_of(UserPerson(user.pk)), orders=orders)
