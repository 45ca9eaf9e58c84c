"""`loyaltyEarningRuleSimulate`: what a rule would have given, to the point, and not a row is written."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.apps import apps
from django.db import InternalError, connection
from django.utils import timezone
from saleor.order import OrderStatus

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import simulation
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule, delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_channel, make_customer, make_order, make_product, refund_order
from tests.graphql.client import global_id
from tests.graphql.conftest import APRIL, BEGINNING, MARCH
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

SIMULATE = """
mutation ($id: ID, $input: LoyaltyEarningRuleInput, $channel: String, $from: DateTime, $to: DateTime) {
  loyaltyEarningRuleSimulate(id: $id, input: $input, channel: $channel, from: $from, to: $to) {
    simulation {
      points ordersRead orders customers
      costs { currency points worth { amount currency } pointsWithoutWorth }
      mostAffected { orderId number placedAt pointsBefore pointsAfter }
    }
    errors { field message code }
  }
}
"""
DOUBLE = {"effect": "MULTIPLIER", "value": 2}
SPRING = {"from": "2026-01-01T00:00:00+00:00", "to": "2026-06-01T00:00:00+00:00"}


def simulate(api, **arguments):
    arguments = {**SPRING, **arguments}
    # `from` is a word of Python's.
    return api.data(SIMULATE, **arguments)["loyaltyEarningRuleSimulate"]


def result(api, **arguments):
    answer = simulate(api, **arguments)
    assert answer["errors"] == []
    return answer["simulation"]


def refused(api, **arguments):
    answer = simulate(api, **arguments)
    assert answer["simulation"] is None
    return [(error["field"], error["code"]) for error in answer["errors"]]


def stored(status=RuleStatus.OFF, effect=Effect.MULTIPLIER, value="2", **changes):
    definition = RuleDefinition(Trigger.ORDER, effect, D(value), **changes)
    return create_rule(default_program_id(), "Stored", status, definition, SYSTEM)


def rule_id(rule) -> str:
    return global_id("LoyaltyEarningRule", rule.pk)


def every_row() -> dict[str, str]:
    """A checksum of every table of the shop and of ours."""
    sums = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t")
            sums[table] = cursor.fetchone()[0]
    return sums


def test_what_double_points_would_have_given(shop, staff_with):
    """Ann bought for 20 and 30 dollars, a guest for 10, at 10 points for a dollar and a cent for a point."""
    staff = staff_with("MANAGE_DISCOUNTS", "MANAGE_ORDERS")
    before = every_row()
    assert result(staff, input=DOUBLE) == {
        "points": 600,
        "ordersRead": 3,
        "orders": 3,
        "customers": 2,
        "costs": [
            {
                "currency": "USD",
                "points": 600,
                "worth": {"amount": 6.0, "currency": "USD"},
                "pointsWithoutWorth": 0,
            }
        ],
        "mostAffected": [
            {
                "orderId": global_id("Order", order.pk),
                "number": str(order.number),
                "placedAt": order.created_at.isoformat(),
                "pointsBefore": points,
                "pointsAfter": 2 * points,
            }
            for order, points in ((shop.second, 300), (shop.first, 200), (shop.of_guest, 100))
        ],
    }
    assert every_row() == before


def test_ids_of_orders_are_for_those_who_may_see_orders(shop, staff, app_with):
    """Whoever has the id of an order can ask Saleor where its customer lives."""
    numbers = [str(order.number) for order in (shop.second, shop.first, shop.of_guest)]
    for api in (staff, app_with("MANAGE_DISCOUNTS")):
        found = result(api, input=DOUBLE)["mostAffected"]
        assert [(each["orderId"], each["number"]) for each in found] == [(None, number) for number in numbers]
    found = result(app_with("MANAGE_DISCOUNTS", "MANAGE_ORDERS"), input=DOUBLE)["mostAffected"]
    assert found[0]["orderId"] == global_id("Order", shop.second.pk)


def test_only_orders_of_that_time_and_channel(shop, staff):
    other = make_channel("other")
    loyalty_settings(other, points_per_unit="1", earn_from=BEGINNING)
    make_order(shop.ben, channel=other, lines=[(make_product(price=70, channel=other), 1)], created_at=APRIL)
    assert result(staff, input=DOUBLE, to=APRIL.isoformat())["points"] == 200
    assert result(staff, input=DOUBLE, **{"from": APRIL.isoformat()})["points"] == 300 + 100 + 70
    assert result(staff, input=DOUBLE, channel="other")["points"] == 70
    assert result(staff, input=DOUBLE, channel="default-channel")["points"] == 600


def test_by_default_the_last_ninety_days(shop, staff):
    for days in (89, 91):
        make_order(
            shop.ben, channel=shop.channel, lines=[(shop.plum, 1)], created_at=timezone.now() - timedelta(days=days)
        )
    found = staff.data(SIMULATE, input=DOUBLE)["loyaltyEarningRuleSimulate"]["simulation"]
    assert (found["ordersRead"], found["points"]) == (1, 50)


def test_a_rule_that_is_off_with_and_without_a_change(shop, staff):
    rule = stored(value="2")
    assert result(staff, id=rule_id(rule))["points"] == 600
    assert result(staff, id=rule_id(rule), input={"value": 4})["points"] == 1800
    rule.refresh_from_db()
    assert (rule.version, rule.status) == (1, RuleStatus.OFF)


def test_a_rule_in_force_is_compared_with_the_shop_without_it(shop, staff):
    rule = stored(RuleStatus.LIVE, value="3")
    found = result(staff, id=rule_id(rule))
    assert (found["points"], found["mostAffected"][0]["pointsBefore"]) == (1200, 300)


def test_other_rules_in_force_have_their_say_and_those_on_trial_do_not(shop, staff):
    stored(RuleStatus.LIVE, value="3", priority=1)
    stored(RuleStatus.DRY_RUN, value="9", priority=2, stackable=False)
    first = result(staff, input=DOUBLE)["mostAffected"][0]
    assert (first["pointsBefore"], first["pointsAfter"]) == (900, 1200)
    # It goes first and alone, and gives less than the rule that it keeps out.
    assert result(staff, input={**DOUBLE, "stackable": False, "priority": 5})["points"] == -600


def test_limits_count_from_the_first_order_of_the_range(shop, staff):
    # Ann: 200 and what is left of 250; the guest: 100.
    limited = {**DOUBLE, "limits": {"pointsPerCustomer": 250}}
    assert result(staff, input=limited)["points"] == 350
    assert result(staff, input=limited, **{"from": APRIL.isoformat()})["points"] == 350
    assert result(staff, input={**DOUBLE, "limits": {"usesPerCustomer": 1}})["points"] == 300
    assert result(staff, input={**DOUBLE, "limits": {"pointsInTotal": 240}})["points"] == 240


def test_limits_of_the_other_rules_are_counted_on_both_sides(shop, staff):
    """A live rule gives Ann 250 points at most; the new one stands in its way on the first order."""
    stored(RuleStatus.LIVE, limits=Limits(points_per_customer=250))
    april = {
        **DOUBLE,
        "value": 1.5,
        "stackable": False,
        "priority": 5,
        "endsAt": APRIL.isoformat(),
    }
    # First order: 100 instead of 200. Second: the live rule has 250 left for it instead of 50.
    found = result(staff, input=april, channel="default-channel")
    assert {(each["pointsBefore"], each["pointsAfter"]) for each in found["mostAffected"]} == {(400, 300), (350, 550)}
    assert found["points"] == 100


def test_refunded_cancelled_and_replaced_orders_count_for_what_they_keep(shop, staff):
    refund_order(shop.first, amount=5)
    for status in (OrderStatus.CANCELED, OrderStatus.DRAFT, OrderStatus.UNCONFIRMED):
        make_order(shop.ben, channel=shop.channel, lines=[(shop.apple, 1)], created_at=MARCH, status=status)
    make_order(shop.ben, channel=shop.channel, lines=[(shop.apple, 1)], created_at=MARCH, paid=False)
    found = result(staff, input=DOUBLE)
    assert (found["points"], found["orders"], found["ordersRead"]) == (150 + 300 + 100, 3, 6)


def test_orders_from_before_the_shop_gave_points_and_of_people_unknown_so_far(usd, staff):
    loyalty_settings(usd, points_per_unit="1", earn_from="2030-01-01", point_value="0.01")
    tea = make_product(price=30, channel=usd)
    ann = make_customer()
    for _ in range(2):
        make_order(ann, channel=usd, lines=[(tea, 1)], created_at=MARCH)
        make_order(email="guy@example.com", channel=usd, lines=[(tea, 1)], created_at=MARCH)
    found = result(staff, input={**DOUBLE, "limits": {"pointsPerCustomer": 40}})
    assert (found["points"], found["customers"], found["orders"]) == (80, 2, 4)
    assert not CustomerProfile.objects.exists()


def test_three_currencies_and_channels_where_points_have_no_worth(shop, staff):
    yen, euro, francs = make_channel("jp", "JPY"), make_channel("de", "EUR"), make_channel("eu-two", "EUR")
    loyalty_settings(yen, points_per_unit="0.01", point_value="0.7")
    loyalty_settings(euro, points_per_unit="1", point_value="0.02")
    loyalty_settings(francs, points_per_unit="1")
    for channel, price in ((yen, 1900), (euro, 50), (francs, 40)):
        make_order(shop.ben, channel=channel, lines=[(make_product(price=price, channel=channel), 1)], created_at=APRIL)
    found = result(staff, input=DOUBLE)
    assert found["points"] == 600 + 19 + 50 + 40
    assert found["costs"] == [
        {
            "currency": "EUR",
            "points": 90,
            "worth": {"amount": 1.0, "currency": "EUR"},
            "pointsWithoutWorth": 40,
        },
        # 13.3 yen, and there is no smaller coin.
        {"currency": "JPY", "points": 19, "worth": {"amount": 13.0, "currency": "JPY"}, "pointsWithoutWorth": 0},
        {"currency": "USD", "points": 600, "worth": {"amount": 6.0, "currency": "USD"}, "pointsWithoutWorth": 0},
    ]
    assert result(staff, input=DOUBLE, channel="eu-two")["costs"] == [
        {"currency": "EUR", "points": 40, "worth": None, "pointsWithoutWorth": 40}
    ]


def test_the_ten_most_affected_orders(shop, staff):
    for quantity in range(1, 15):
        make_order(shop.ben, channel=shop.channel, lines=[(shop.plum, quantity)], created_at=APRIL)
    shown = [order["pointsBefore"] for order in result(staff, input=DOUBLE)["mostAffected"]]
    assert shown == [700, 650, 600, 550, 500, 450, 400, 350, 300, 300]


def test_the_award_is_what_the_simulation_said(usd, staff_with):
    staff = staff_with("MANAGE_DISCOUNTS", "MANAGE_ORDERS")
    rule = stored(limits=Limits(points_per_customer=35, points_per_order=30))
    loyalty_settings(usd, points_per_unit="1", earn_from=BEGINNING)
    ann, tea = make_customer(), make_product(price=20, channel=usd)
    orders = [
        make_order(ann, channel=usd, lines=[(tea, quantity)], created_at=MARCH + timedelta(days=quantity))
        for quantity in (1, 2, 3)
    ]
    foreseen = {order["orderId"]: order["pointsAfter"] for order in result(staff, id=rule_id(rule))["mostAffected"]}
    update_rule(rule.pk, SYSTEM, status=RuleStatus.LIVE)
    sync_orders([order.pk for order in orders])
    awarded = dict(PointsTransaction.objects.values_list("order_id", "points"))
    assert awarded == {orders[0].pk: 40, orders[1].pk: 55, orders[2].pk: 60}
    assert foreseen == {global_id("Order", order.pk): awarded[order.pk] for order in orders[:2]}


def test_batches_leave_no_order_out(shop, staff, monkeypatch):
    monkeypatch.setattr(simulation, "BATCH_SIZE", 2)
    for _ in range(4):
        make_order(shop.ben, channel=shop.channel, lines=[(shop.plum, 1)], created_at=APRIL)
    found = result(staff, input=DOUBLE)
    assert (found["ordersRead"], found["points"]) == (7, 800)


def test_the_number_of_statements_does_not_depend_on_the_number_of_orders(shop, staff):
    def buy(hours: int) -> None:
        make_order(
            make_customer(), channel=shop.channel, lines=[(shop.plum, 1)], created_at=APRIL + timedelta(hours=hours)
        )

    buy(0)
    few = staff.statements(SIMULATE, input=DOUBLE, **SPRING)
    for hours in range(1, 10):
        buy(hours)
    assert staff.statements(SIMULATE, input=DOUBLE, **SPRING) == few


def test_the_database_refuses_to_write_meanwhile(shop, monkeypatch):
    def careless(*_args, **_kwargs):
        CustomerProfile.objects.create()

    monkeypatch.setattr(simulation, "facts_of", careless)
    rule = simulation.stored_rule(stored().pk, "default")
    with pytest.raises(InternalError, match="read-only transaction"):
        simulation.simulate(rule, MARCH, APRIL, using="default")
    # What comes after may write again.
    CustomerProfile.objects.create()


def test_too_many_orders_ask_for_a_narrower_range(shop, staff, monkeypatch):
    monkeypatch.setattr(simulation, "ORDERS_LIMIT", 2)
    monkeypatch.setattr(simulation.simulate, "__kwdefaults__", {**simulation.simulate.__kwdefaults__, "limit": 2})
    assert refused(staff, input=DOUBLE) == [("from", "INVALID")]
    assert result(staff, input=DOUBLE, to=APRIL.isoformat())["ordersRead"] == 1


@pytest.mark.parametrize(
    ("arguments", "field", "code"),
    [
        ({}, "input", "REQUIRED"),
        ({"input": {"value": 2}}, "effect", "REQUIRED"),
        ({"input": {**DOUBLE, "value": 1}}, "value", "INVALID"),
        ({"input": {**DOUBLE, "conditions": {"productIds": []}}}, "productIds", "INVALID"),
        ({"id": "nonsense"}, "id", "GRAPHQL_ERROR"),
        ({"id": global_id("LoyaltyEarningRule", 999_999)}, "id", "NOT_FOUND"),
        ({"input": DOUBLE, "channel": "nowhere"}, "channel", "NOT_FOUND"),
        ({"input": DOUBLE, "to": SPRING["from"]}, "to", "INVALID"),
        ({"input": DOUBLE, "from": "2025-05-30T00:00:00+00:00"}, "from", "INVALID"),
    ],
)
def test_what_is_wrong_is_named(shop, staff, arguments, field, code):
    assert refused(staff, **arguments) == [(field, code)]


def test_a_rule_that_was_deleted_is_not_there(shop, staff):
    rule = delete_rule(stored().pk)
    assert refused(staff, id=rule_id(rule)) == [("id", "NOT_FOUND")]


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with, app_with):
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS"), app_with("MANAGE_ORDERS")):
        assert api.denied(SIMULATE, input=DOUBLE)
    assert result(app_with("MANAGE_DISCOUNTS"), input=DOUBLE)["points"] == 600
