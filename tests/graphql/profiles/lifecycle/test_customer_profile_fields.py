"""`lifecycleStage`, `lifecycleSince`, `customerType`, `favoriteCategories` and the pieces in `metrics`."""

from __future__ import annotations

import pytest
from saleor.order import FulfillmentStatus, OrderEvents, OrderGrantedRefundStatus
from saleor.order.models import Order
from saleor.product.models import Product

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_category, make_customer, make_order, make_product
from tests.graphql.client import global_id
from tests.graphql.conftest import APRIL, MARCH

pytestmark = pytest.mark.django_db

FIELDS = """
  lifecycleStage lifecycleSince customerType
  favoriteCategories(first: $first) { category { name } ordersCount itemsCount }
"""
ME = f"query ($first: Int) {{ me {{ customerProfile {{ {FIELDS} }} }} }}"
PROFILE = f"query ($id: ID!, $first: Int) {{ customerProfile(id: $id) {{ {FIELDS} }} }}"


def put_back(order, quantity):
    line = order.lines.get()
    order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(order_line=line, quantity=quantity)
    sync_orders([order.pk])


@pytest.fixture
def fruit(shop):
    """Apples and pears are fruit, plums are stone fruit."""
    food = make_category("Food")
    fruit, stone = make_category("Fruit", food), make_category("Stone fruit", food)
    Product.objects.filter(pk__in=[shop.apple.pk, shop.pear.pk]).update(category=fruit)
    Product.objects.filter(pk=shop.plum.pk).update(category=stone)
    return fruit


def test_a_customer_reads_the_own_ones(shop, fruit, as_ann):
    found = as_ann.data(ME)["me"]["customerProfile"]
    profile = CustomerProfile.objects.get(user=shop.ann)
    assert found == {
        "lifecycleStage": profile.lifecycle_stage.upper(),
        "lifecycleSince": profile.lifecycle_since.isoformat(),
        "customerType": "B2C",
        "favoriteCategories": [{"category": {"name": "Fruit"}, "ordersCount": 2, "itemsCount": 2}],
    }
    CustomerProfile.objects.update(lifecycle_stage="won_back", lifecycle_since=MARCH, customer_type="b2g")
    found = as_ann.data(ME)["me"]["customerProfile"]
    assert (found["lifecycleStage"], found["lifecycleSince"], found["customerType"]) == (
        "WON_BACK", MARCH.isoformat(), "B2G",
    )  # fmt: skip


def test_favourites_go_by_orders_then_pieces_less_what_came_back(shop, fruit, as_ann):
    def favourites(first=None):
        arguments = {} if first is None else {"first": first}
        rows = as_ann.data(ME, **arguments)["me"]["customerProfile"]["favoriteCategories"]
        return [(row["category"]["name"], row["ordersCount"], row["itemsCount"]) for row in rows]

    many = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 9)], created_at=APRIL)
    cancelled = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 9)] * 2, status="canceled")
    nowhere = make_order(shop.ann, channel=shop.channel, lines=[(make_product(channel=shop.channel), 5)])
    gift = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 1)])
    gift.lines.update(is_gift=True)
    sync_orders([many.pk, cancelled.pk, nowhere.pk, gift.pk])
    assert favourites() == [("Fruit", 2, 2), ("Stone fruit", 1, 9)]
    assert favourites(1) == [("Fruit", 2, 2)]
    put_back(shop.first, 1)
    assert favourites() == [("Stone fruit", 1, 9), ("Fruit", 1, 1)]
    put_back(many, 9)
    put_back(many, 9)
    assert favourites() == [("Fruit", 1, 1)]
    CustomerProfile.objects.update(profiling_allowed=False)
    assert favourites() == []
    for wrong in (0, 101):
        assert as_ann.error(ME, first=wrong)[0] == "GraphQLError"


def test_favourites_lose_pieces_that_a_refund_was_granted_for(shop, fruit, as_ann):
    def pieces():
        rows = as_ann.data(ME)["me"]["customerProfile"]["favoriteCategories"]
        return {row["category"]["name"]: row["itemsCount"] for row in rows}

    def grant(amount, quantity, **fields):
        granted = plums.granted_refunds.create(amount_value=amount, currency="USD", **fields)
        granted.lines.create(order_line=line, quantity=quantity)

    plums = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 9)], created_at=APRIL)
    sync_orders([plums.pk])
    line = plums.lines.get()
    price = line.unit_price_gross_amount
    # It failed; and a little, for plums that she has kept.
    grant(9 * price, 9, status=OrderGrantedRefundStatus.FAILURE)
    grant(price / 10, 2)
    refunded = plums.fulfillments.create(status=FulfillmentStatus.REFUNDED, total_refund_amount=price / 5)
    refunded.lines.create(order_line=line, quantity=9)
    assert pieces() == {"Fruit": 2, "Stone fruit": 9}
    grant(4 * price, 4)
    assert pieces() == {"Fruit": 2, "Stone fruit": 5}
    # The same ones come back.
    put_back(plums, 4)
    assert pieces() == {"Fruit": 2, "Stone fruit": 5}
    # Gift cards have paid all but the price of one: no more can be granted.
    Order.objects.filter(pk=plums.pk).update(total_gross_amount=price)
    grant(price, 5)
    assert pieces() == {"Fruit": 2}


def test_favourites_lose_pieces_that_came_back_whatever_is_refunded_of_them_later(shop, fruit, as_ann):
    """Saleor moves them to what was only refunded, and the order's history tells."""
    plums = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 9)], created_at=APRIL)
    sync_orders([plums.pk])
    line = plums.lines.get()
    other = {"line_pk": str(shop.first.lines.first().pk), "quantity": 5}
    told = {"lines": [other, {"line_pk": str(line.pk), "quantity": 2}]}
    plums.events.create(type=OrderEvents.FULFILLMENT_RETURNED, parameters=told)
    plums.events.create(type=OrderEvents.FULFILLMENT_RETURNED, parameters={})
    plums.events.create(type="fulfillment_refunded", parameters=told)
    refunded = plums.fulfillments.create(
        status=FulfillmentStatus.REFUNDED, total_refund_amount=line.unit_price_gross_amount / 5
    )
    refunded.lines.create(order_line=line, quantity=3)

    def pieces():
        rows = as_ann.data(ME)["me"]["customerProfile"]["favoriteCategories"]
        return {row["category"]["name"]: row["itemsCount"] for row in rows}

    assert pieces() == {"Fruit": 2, "Stone fruit": 7}
    # The same ones once more, and the third is gone as well.
    plums.events.create(type=OrderEvents.FULFILLMENT_RETURNED, parameters=told)
    assert pieces() == {"Fruit": 2, "Stone fruit": 6}


def test_nothing_is_said_of_who_refuses_profiling(shop, as_ann):
    CustomerProfile.objects.update(lifecycle_stage="", lifecycle_since=None)
    found = as_ann.data(ME)["me"]["customerProfile"]
    assert (found["lifecycleStage"], found["lifecycleSince"]) == (None, None)


def test_only_the_customer_and_who_manages_users(shop, fruit, staff_with, app_with, as_ben):
    ann = global_id("CustomerProfile", CustomerProfile.objects.get(user=shop.ann).pk)
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert requestor.data(PROFILE, id=ann)["customerProfile"]["customerType"] == "B2C"
    assert as_ben.denied(PROFILE, id=ann) == {"OWNER", "MANAGE_USERS"}


def test_pieces_bought_and_returned(shop, as_ann):
    query = "{ me { customerProfile { metrics { itemsCount returnedItems } } } }"
    bought = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 7)], created_at=APRIL)
    sync_orders([bought.pk])
    put_back(bought, 3)
    cancelled = make_order(shop.ann, channel=shop.channel, lines=[(shop.plum, 50)], status="canceled")
    sync_orders([cancelled.pk])
    assert as_ann.data(query)["me"]["customerProfile"]["metrics"] == {"itemsCount": 9, "returnedItems": 3}


def test_a_list_costs_the_same_however_long_it_is(shop, staff_with):
    query = f"query ($n: Int, $first: Int) {{ customerProfiles(first: $n) {{ edges {{ node {{ {FIELDS} }} }} }} }}"
    orders = []
    for number in range(8):
        product = make_product(channel=shop.channel, category=make_category(f"Category {number}"), stock=None)
        orders.append(make_order(make_customer(), channel=shop.channel, lines=[(product, 1)]).pk)
    sync_orders(orders)
    staff = staff_with("MANAGE_USERS")
    few, many = staff.statements(query, n=4), staff.statements(query, n=10)
    assert many == few
