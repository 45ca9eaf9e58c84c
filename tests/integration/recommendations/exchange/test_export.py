"""What leaves the shop, and what does not."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.order.models import OrderLine
from saleor.product.models import Collection, CollectionProduct, Product

from saleor_crm_plugin.ingestion.export_training import export_now
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity
from tests.devshop.factories import assign_attribute, make_attribute_value, make_category, make_channel
from tests.integration.recommendations.shop import buy, make_products, make_profile

pytestmark = pytest.mark.django_db


def rows(directory: Path) -> list[dict[str, Any]]:
    read = pq.read_table(directory / "purchases").to_pylist()
    return sorted(read, key=lambda row: (row["time"], row["product"]))


def test_a_purchase_is_what_the_customer_bought(channel: Channel, tmp_path: Path) -> None:
    tea, sugar = make_products(2)
    ann, bob = make_profile(), make_profile()
    first = buy(ann, tea, sugar, days_ago=40)
    second = buy(bob, tea, days_ago=2)
    OrderLine.objects.filter(order=second).update(quantity=3, unit_price_gross_amount=Decimal("1.005"))

    export_now(tmp_path)

    lines = {line.variant.product_id: line for line in OrderLine.objects.filter(order=first)}
    bought = rows(tmp_path)
    assert [(row["customer"], row["product"], row["quantity"], row["price"]) for row in bought] == [
        *((ann, product.pk, 1, lines[product.pk].unit_price_gross_amount) for product in (tea, sugar)),
        (bob, tea.pk, 3, Decimal("1.005")),
    ]
    assert bought[0]["basket"] == bought[1]["basket"] != bought[2]["basket"]
    assert [row["time"] for row in bought] == [first.created_at, first.created_at, second.created_at]
    assert {row["channel"] for row in bought} == {channel.pk}
    assert {row["currency"] for row in bought} == {"USD"}
    assert [row["month"] for row in bought] == [row["time"].strftime("%Y-%m") for row in bought]


def test_the_catalogue(channel: Channel, tmp_path: Path) -> None:
    category = make_category()
    tea = make_products(1, category=category)[0]
    cup = make_products(1)[0]
    collection = Collection.objects.create(name="Winter", slug="winter")
    CollectionProduct.objects.create(collection=collection, product=tea)
    buy(make_profile(), tea)

    export_now(tmp_path)

    products = {row["product"]: row for row in pq.read_table(tmp_path / "products.parquet").to_pylist()}
    assert products.keys() == {tea.pk, cup.pk}, "also what nobody has bought yet"
    assert products[tea.pk] == {
        "product": tea.pk,
        "name": tea.name,
        "product_type": tea.product_type_id,
        "category": category.pk,
        "collections": [collection.pk],
        "attribute_values": [],
    }
    assert products[cup.pk]["category"] == cup.category_id


def test_the_attributes_of_the_catalogue(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    values = [make_attribute_value(name, "Origin") for name in ("Assam", "Ceylon")]
    for value in reversed(values):
        assign_attribute(value, tea)

    export_now(tmp_path)

    exported = pq.read_table(tmp_path / "products.parquet").to_pylist()[0]["attribute_values"]
    assert exported == [value.pk for value in values]


def test_who_refuses_is_nobody_but_the_basket_counts(channel: Channel, tmp_path: Path) -> None:
    tea, cup = make_products(2)
    people = willing, unwilling, unprofiled, erased, gone = [make_profile() for _ in range(5)]
    for days, profile in enumerate(people, start=1):
        buy(profile, tea, cup, days_ago=days * 3)
    CustomerProfile.objects.filter(pk=unwilling).update(recommendations_allowed=False)
    CustomerProfile.objects.filter(pk=unprofiled).update(profiling_allowed=False)
    CustomerProfile.objects.filter(pk=erased).update(erased_at=timezone.now())
    # As of an account that Saleor has deleted.
    ProfileIdentity.objects.filter(profile=gone).delete()

    done = export_now(tmp_path)

    exported = rows(tmp_path)
    assert (done.lines, done.orders, done.customers, done.unnamed_lines) == (10, 5, 1, 8)
    assert [row["customer"] for row in exported] == [None] * 8 + [willing] * 2
    assert len({row["basket"] for row in exported}) == 5
    for row in exported[:8]:
        assert row["time"].time() == datetime.time(0), "the day, and no minute at which somebody was seen"
    columns = set(exported[0])
    assert columns == {
        "customer", "basket", "time", "product", "quantity", "price", "currency", "channel", "month"
    }  # fmt: skip


def test_the_same_purchases_as_a_training_reads(channel: Channel, tmp_path: Path) -> None:
    tea, gone = make_products(2)
    profile = make_profile()
    buy(profile, tea, counts=False)
    buy(profile, tea, days_ago=400)
    buy(profile, tea, days_ago=-1)
    free, returned = buy(profile, tea), buy(profile, tea)
    OrderLine.objects.filter(order=free).update(is_gift=True)
    OrderLine.objects.filter(order=returned).update(quantity=0)
    buy(profile, gone)
    Product.objects.filter(pk=gone.pk).delete()

    with pytest.raises(CommandError, match="no purchases since"):
        call_command("crm_train", "--export", str(tmp_path))


def test_since_replaces_the_history_of_the_settings(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    profile = make_profile()
    for days in (2, 400, 4000):
        buy(profile, tea, days_ago=days)
    since = (timezone.now() - datetime.timedelta(days=500)).date()

    out = StringIO()
    call_command("crm_train", "--export", str(tmp_path), "--since", since.isoformat(), stdout=out)

    assert len(rows(tmp_path)) == 2
    assert f"{tmp_path} holds 2 lines of 2 orders by 1 customers of 1 products, 0 of them without a customer" in (
        out.getvalue()
    )
    content = json.loads((tmp_path / "manifest.json").read_text())
    assert content["since"].startswith(since.isoformat())


def test_channels_and_currencies_are_told_apart(channel: Channel, tmp_path: Path) -> None:
    kiosk = make_channel("kiosk", currency="EUR")
    (tea,) = make_products(1, channel=[channel, kiosk])
    profile = make_profile()
    buy(profile, tea, days_ago=2)
    buy(profile, tea, channel=kiosk)

    done = export_now(tmp_path)

    assert done.currencies == ("EUR", "USD")
    assert [(row["channel"], row["currency"]) for row in rows(tmp_path)] == [(channel.pk, "USD"), (kiosk.pk, "EUR")]


def test_a_constant_number_of_statements(channel: Channel, tmp_path: Path) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries, allow_writer():
            export_now(tmp_path)
        return len(queries)

    buy(make_profile(), *make_products(1))
    few = statements()
    for _ in range(5):
        buy(make_profile(), *make_products(3))

    assert statements() == few
