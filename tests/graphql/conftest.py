"""A small shop whose numbers are known: what one point is worth, who bought what, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from saleor.core.db.connection import allow_writer
from saleor.permission.enums import (
    AccountPermissions,
    CheckoutPermissions,
    DiscountPermissions,
    OrderPermissions,
    PluginsPermissions,
    ProductPermissions,
)

from saleor_crm_plugin.ingestion.sync import sync_orders
from tests.devshop.factories import (
    make_app,
    make_channel,
    make_customer,
    make_order,
    make_product,
    make_site,
    make_staff,
)
from tests.graphql.client import Api, global_id
from tests.shop_settings import loyalty_settings

BEGINNING = "2026-01-01T00:00:00+00:00"
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 12, tzinfo=UTC)

PERMISSIONS = {
    permission.name: permission
    for permission in (
        AccountPermissions.MANAGE_USERS,
        AccountPermissions.MANAGE_STAFF,
        OrderPermissions.MANAGE_ORDERS,
        CheckoutPermissions.MANAGE_CHECKOUTS,
        DiscountPermissions.MANAGE_DISCOUNTS,
        ProductPermissions.MANAGE_PRODUCTS,
        PluginsPermissions.MANAGE_PLUGINS,
    )
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Tests that know nothing of the shop go first in their module: once it is made, its rows are there for all."""
    modules = groupby(items, key=lambda item: item.path)
    items[:] = [item for _, tests in modules for item in sorted(tests, key=lambda test: "shop" in test.fixturenames)]


@pytest.fixture
def site(db: None) -> None:
    make_site()


@pytest.fixture
def usd(site: None) -> Any:
    """10 points for each dollar; a point is worth one cent."""
    return open_usd()


def open_usd() -> Any:
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="10", earn_from=BEGINNING, point_value="0.01")
    return channel


@pytest.fixture(scope="module")
def shop_of_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """The shop, made once in a transaction that holds those of a module's tests: making it takes longer than most of
    them.
    """
    whole = transaction.atomic()
    with django_db_blocker.unblock(), allow_writer():
        whole.__enter__()
        made = make_shop()
    yield made
    with django_db_blocker.unblock(), allow_writer():
        transaction.set_rollback(True)
        whole.__exit__(None, None, None)


@pytest.fixture
def shop(shop_of_module: SimpleNamespace, usd: Any) -> SimpleNamespace:
    """Ann has bought for 20 and 30 dollars (500 points), Ben has an account but bought nothing, Guy is a guest.

    What a test does with the objects is its own. Not for tests with `transaction=True`, which need one of their own
    (`make_shop`).
    """
    assert connection.in_atomic_block
    return deepcopy(shop_of_module)


def make_shop() -> SimpleNamespace:
    usd = open_usd()
    apple = make_product("Apple", 20, usd, stock=None)
    pear = make_product("Pear", 30, usd, stock=None)
    plum = make_product("Plum", 5, usd, stock=None)
    ann = make_customer("ann@example.com", first_name="Ann", last_name="Archer")
    ben = make_customer("ben@example.com", first_name="Ben", last_name="Baker")
    first = make_order(ann, channel=usd, lines=[(apple, 1)], created_at=MARCH)
    second = make_order(ann, channel=usd, lines=[(pear, 1)], created_at=APRIL)
    of_guest = make_order(email="guy@example.com", channel=usd, lines=[(plum, 2)], created_at=APRIL)
    for order in (first, second, of_guest):
        # One by one, so that the entries are in the order of the purchases.
        assert not sync_orders([order.pk]).failed
    return SimpleNamespace(
        channel=usd,
        apple=apple,
        pear=pear,
        plum=plum,
        ann=ann,
        ben=ben,
        first=first,
        second=second,
        of_guest=of_guest,
    )


@pytest.fixture
def anonymous(site: None) -> Api:
    return Api()


@pytest.fixture
def as_ann(shop: SimpleNamespace) -> Api:
    return Api(shop.ann)


@pytest.fixture
def as_ben(shop: SimpleNamespace) -> Api:
    return Api(shop.ben)


@pytest.fixture
def staff_with(site: None) -> Any:
    """Staff with permissions by name."""

    def make(*names: str) -> Api:
        return Api(make_staff(permissions=[PERMISSIONS[name] for name in names]))

    return make


@pytest.fixture
def app_with(site: None) -> Any:
    """An app with permissions by name."""

    def make(*names: str) -> Api:
        _app, token = make_app(permissions=[PERMISSIONS[name] for name in names])
        return Api(app_token=token)

    return make


@pytest.fixture
def checkout_of() -> Any:
    """A checkout with (product, quantity) lines, made by a requestor; returns its id."""

    def make(api: Api, lines: list[tuple[Any, int]], email: str | None = None, channel: str = "default-channel") -> str:
        mutation = """
          mutation ($input: CheckoutCreateInput!) { checkoutCreate(input: $input) { checkout { id } errors { code } } }
        """
        given: dict[str, Any] = {
            "channel": channel,
            "lines": [
                {"variantId": global_id("ProductVariant", product.default_variant.pk), "quantity": quantity}
                for product, quantity in lines
            ],
        }
        if email:
            given["email"] = email
        created = api.data(mutation, input=given)["checkoutCreate"]
        assert created["errors"] == []
        return created["checkout"]["id"]

    return make
