"""Rules from Saleor's orders to the ledger: what they ask about, their limits, edits and refunds. Exact numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from saleor.order import FulfillmentStatus, OrderOrigin
from saleor.product.models import Collection

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.rules.definition import (
    Conditions,
    CustomerType,
    Effect,
    Limits,
    Period,
    RuleDefinition,
    Trigger,
)
from saleor_crm_plugin.loyalty.rules.editing import create_rule, delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleUse, EarningRuleVersion, RuleStatus
from saleor_crm_plugin.profiles.models import ProfileMetrics, RFMGroup
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.devshop.factories import (
    make_address,
    make_category,
    make_channel,
    make_customer,
    make_order,
    make_product,
    refund_order,
)
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

# A Wednesday.
NOON = datetime(2026, 5, 13, 12, tzinfo=UTC)


@pytest.fixture
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    return channel


@pytest.fixture
def ann(channel):
    return make_customer("ann@example.com")


@pytest.fixture
def drinks():
    return make_category("Drinks")


@pytest.fixture
def tea(channel, drinks):
    return make_product("Tea", price=60, channel=channel, category=make_category("Tea", parent=drinks))


@pytest.fixture
def cup(channel):
    return make_product("Cup", price=40, channel=channel, category=make_category("Dishes"))


def rule(effect=Effect.MULTIPLIER, value="2", status=RuleStatus.LIVE, **changes) -> EarningRule:
    trigger = changes.pop("trigger", Trigger.ORDER)
    return create_rule(
        default_program_id(), "Double", status, RuleDefinition(trigger, effect, D(value), **changes), SYSTEM
    )


def buy(user, *products, at=NOON, **fields):
    order = make_order(user, lines=[(product, 1) for product in products], created_at=at, **fields)
    sync(order)
    return order


def sync(*orders) -> None:
    result = sync_orders([order.pk for order in orders])
    assert not result.failed
    assert_ledger_adds_up()


def points_of(order) -> list[int]:
    rows = PointsTransaction.objects.filter(order_id=order.pk).order_by("pk")
    return list(rows.values_list("points", flat=True))


def add_line(order, product, price) -> None:
    """Staff add a line, and the customer pays for it as well."""
    line = order.lines.first()
    line.pk, line._state.adding = None, True
    line.variant, line.product_name = product.default_variant, product.name
    line.total_price_gross_amount = line.total_price_net_amount = price
    line.save()
    order.total_gross_amount = order.total_net_amount = order.total_charged_amount = order.total_gross_amount + price
    order.save()


def test_a_category_stands_for_everything_below_it(ann, tea, cup, drinks):
    rule(conditions=Conditions(category_ids=frozenset({drinks.pk})))
    assert points_of(buy(ann, tea, cup)) == [160]


def test_a_collection(ann, tea, cup):
    spring = Collection.objects.create(name="Spring", slug="spring")
    spring.products.add(cup)
    rule(conditions=Conditions(collection_ids=frozenset({spring.pk})))
    assert points_of(buy(ann, tea, cup)) == [140]


def test_a_product_type(ann, tea, cup):
    rule(conditions=Conditions(product_type_ids=frozenset({tea.product_type_id})))
    expected = 200 if cup.product_type_id == tea.product_type_id else 160
    assert points_of(buy(ann, tea, cup)) == [expected]


def test_a_company(ann, tea):
    rule(conditions=Conditions(customer_type=CustomerType.BUSINESS))
    company = make_address(company_name="Tea & Co")
    assert points_of(buy(ann, tea, billing_address=company)) == [120]
    assert points_of(buy(ann, tea)) == [60]


def test_a_segment(ann, tea):
    rule(conditions=Conditions(segments=frozenset({"CHAMPIONS"})))
    assert points_of(buy(ann, tea)) == [60]
    ProfileMetrics.objects.update(rfm_group=RFMGroup.CHAMPIONS)
    assert points_of(buy(ann, tea)) == [120]


def test_the_first_order(ann, tea):
    rule(Effect.FIXED_POINTS, "500", trigger=Trigger.FIRST_ORDER)
    first, second = buy(ann, tea), buy(ann, tea, at=NOON + timedelta(hours=1))
    assert (points_of(first), points_of(second)) == ([560], [60])
    # An older one turns up later: what was given stays given, and is not given again.
    older = buy(ann, tea, at=NOON - timedelta(days=1))
    sync(first, second)
    assert (points_of(first), points_of(second), points_of(older)) == ([560], [60], [60])


def test_an_edit_changes_no_past_entry(ann, tea, cup):
    double = rule()
    order = buy(ann, tea, cup)
    before = list(PointsTransaction.objects.values())
    update_rule(double.pk, SYSTEM, change=lambda definition: replace(definition, value=D(10)))
    sync(order)
    assert list(PointsTransaction.objects.values()) == before
    assert points_of(buy(ann, tea)) == [600]
    assert list(EarningRuleVersion.objects.order_by("version").values_list("version", "definition__value")) == [
        (1, "2"),
        (2, "10"),
    ]
    # Refunded on the terms of then, also when the rule is gone.
    delete_rule(double.pk)
    order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(
        order_line=order.lines.get(product_name="Tea"), quantity=1
    )
    sync(order)
    assert points_of(order) == [200, -120]


def test_a_new_name_is_no_new_version(ann):
    double = rule()
    update_rule(double.pk, SYSTEM, name="Twice", status=RuleStatus.OFF)
    assert EarningRuleVersion.objects.count() == 1


def test_versions_are_written_once():
    rule()
    with pytest.raises(IntegrityError), transaction.atomic():
        EarningRuleVersion.objects.update(definition={})


def test_an_edited_order_is_awarded_on_the_terms_of_then(ann, tea, cup):
    double = rule()
    order = buy(ann, tea)
    update_rule(double.pk, SYSTEM, status=RuleStatus.OFF)
    line = order.lines.get()
    line.total_price_gross_amount = line.total_price_net_amount = D(100)
    line.save()
    order.total_gross_amount = order.total_net_amount = order.total_charged_amount = D(100)
    order.save()
    sync(order)
    assert points_of(order) == [120, 80]


def test_what_becomes_of_the_catalogue_changes_no_past_entry(ann, tea, cup, drinks):
    spring = Collection.objects.create(name="Spring", slug="spring")
    spring.products.add(tea)
    rule(conditions=Conditions(collection_ids=frozenset({spring.pk})))
    rule(conditions=Conditions(category_ids=frozenset({drinks.pk})))
    order = buy(ann, tea, cup)
    assert points_of(order) == [220]
    spring.products.set([cup])
    tea.category = cup.category
    tea.save()
    sync(order)
    assert points_of(order) == [220]
    tea.delete()
    sync(order)
    assert points_of(order) == [220]
    # What comes back is computed on the terms of then: the tea three times, the cup once.
    returned = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
    returned.lines.create(order_line=order.lines.get(product_name="Cup"), quantity=1)
    sync(order)
    assert points_of(order) == [220, -40]
    returned.lines.create(order_line=order.lines.get(product_name="Tea"), quantity=1)
    sync(order)
    assert points_of(order) == [220, -40, -180]


def test_the_catalogue_decides_on_a_line_once(ann, tea, cup):
    spring = Collection.objects.create(name="Spring", slug="spring")
    spring.products.add(tea)
    rule(conditions=Conditions(collection_ids=frozenset({spring.pk})))
    order = buy(ann, tea)
    assert points_of(order) == [120]
    spring.products.set([cup])
    add_line(order, cup, D(40))
    sync(order)
    assert points_of(order) == [120, 80]
    spring.products.clear()
    sync(order)
    assert points_of(order) == [120, 80]


def test_goods_that_come_back_take_their_points_once(ann, tea, cup):
    order = buy(ann, tea, cup)
    order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(
        order_line=order.lines.get(product_name="Tea"), quantity=1
    )
    sync(order)
    sync(order)
    assert points_of(order) == [100, -60]
    assert PointsTransaction.objects.last().reason == "Goods returned"


def test_a_replacement_earns_nothing(ann, tea):
    assert points_of(buy(ann, tea, origin=OrderOrigin.REISSUE)) == []


def test_a_limit_for_one_customer_and_month(ann, tea, channel):
    rule(limits=Limits(points_per_customer=100, period=Period.MONTH))
    first, second = buy(ann, tea), buy(ann, tea)
    third = buy(ann, tea)
    assert [points_of(order) for order in (first, second, third)] == [[120], [100], [60]]
    assert points_of(buy(ann, tea, at=NOON + timedelta(days=31))) == [120]
    assert points_of(buy(make_customer("ben@example.com"), tea)) == [120]


def test_a_limit_holds_within_a_batch(ann, tea):
    rule(limits=Limits(uses_per_customer=1))
    orders = [make_order(ann, lines=[(tea, 1)], created_at=NOON + timedelta(hours=i)) for i in range(3)]
    sync(*orders)
    assert [points_of(order) for order in orders] == [[120], [60], [60]]


def test_a_cancelled_order_frees_its_use(ann, tea):
    rule(limits=Limits(uses_per_customer=1))
    order = buy(ann, tea)
    order.status = "canceled"
    order.save()
    sync(order)
    assert points_of(order) == [120, -120]
    assert EarningRuleUse.objects.get().points == 0
    assert points_of(buy(ann, tea)) == [120]


@pytest.mark.parametrize("earlier", [True, False])
def test_also_for_an_order_that_is_seen_at_the_same_time(ann, tea, earlier):
    rule(limits=Limits(uses_per_customer=1))
    order = buy(ann, tea)
    order.status = "canceled"
    order.save()
    other = make_order(ann, lines=[(tea, 1)], created_at=NOON + timedelta(hours=-1 if earlier else 1))
    sync(order, other)
    assert (points_of(order), points_of(other)) == ([120, -120], [120])


@pytest.mark.parametrize(
    ("limits", "spent", "used", "again"),
    [
        (Limits(uses_per_customer=1), 560, 500, 60),
        (Limits(uses_per_customer=1), 0, 0, 560),
        (Limits(points_per_customer=500), 280, 250, 310),
        (Limits(points_in_total=500), 280, 250, 310),
    ],
)
def test_a_use_is_free_as_far_as_its_points_came_back(ann, tea, limits, spent, used, again):
    """The rest was spent, and is forgiven: without this, who is quick would get the points of a rule without end."""
    rule(Effect.FIXED_POINTS, "500", limits=limits)
    order = buy(ann, tea)
    account = LoyaltyAccount.objects.get()
    if spent:
        adjust(account.pk, -spent, "Spent", SYSTEM, "spent")
    order.status = "canceled"
    order.save()
    sync(order)
    assert EarningRuleUse.objects.get().points == used
    account.refresh_from_db()
    assert (account.active, account.deficit) == (0, 0)
    assert points_of(buy(ann, tea)) == [again]


def test_so_it_is_with_goods_that_came_back(ann, tea):
    rule(Effect.FIXED_POINTS, "500", limits=Limits(points_per_customer=500))
    order = buy(ann, tea)
    adjust(LoyaltyAccount.objects.get().pk, -560, "Spent", SYSTEM, "spent")
    refund_order(order, 30)
    sync(order)
    assert (points_of(order), EarningRuleUse.objects.get().points) == ([560, -280, 280], 500)
    refund_order(order, 30)
    sync(order)
    assert (points_of(order), EarningRuleUse.objects.get().points) == ([560, -280, 280, -280, 280], 500)


@pytest.mark.parametrize(("back", "used", "again"), [(560, 0, 560), (280, 250, 310)])
def test_what_is_forgiven_no_more_frees_its_use(ann, tea, back, used, again):
    """What it was spent on is undone as well, later."""
    rule(Effect.FIXED_POINTS, "500", limits=Limits(points_per_customer=500))
    order = buy(ann, tea)
    account_id, other = LoyaltyAccount.objects.get().pk, uuid4()
    with Ledger([account_id]) as ledger:
        spent = ledger.redeem(account_id, 560, Source(key="spent", order_id=other))
    order.status = "canceled"
    order.save()
    sync(order)
    assert EarningRuleUse.objects.get().points == 500
    with Ledger([account_id], orders=[other]) as ledger:
        ledger.give_back(account_id, back, Source(key="back", order_id=other, reverses=spent.pk))
    assert EarningRuleUse.objects.get().points == used
    assert points_of(buy(ann, tea)) == [again]


def test_what_was_refunded_at_the_same_time_uses_nothing_up(ann, tea):
    rule(limits=Limits(points_per_customer=100))
    order = buy(ann, tea)
    refund_order(order, order.total_gross_amount / 2)
    other = make_order(ann, lines=[(tea, 1)], created_at=NOON + timedelta(hours=1))
    sync(order, other)
    assert (points_of(order), points_of(other)) == ([120, -60], [120])


def test_a_budget_for_all(ann, tea):
    rule(limits=Limits(points_in_total=100))
    ben = make_customer("ben@example.com")
    assert [points_of(buy(user, tea)) for user in (ann, ben, ann)] == [[120], [100], [60]]
    assert sum(EarningRuleUse.objects.values_list("points", flat=True)) == 100


def test_a_rule_on_trial_is_recorded(ann, tea):
    rule(status=RuleStatus.DRY_RUN)
    assert points_of(buy(ann, tea)) == [60]
    use = EarningRuleUse.objects.get()
    assert (use.points, use.is_dry_run) == (60, True)


def test_what_was_given_on_trial_uses_nothing_up(ann, tea):
    double = rule(status=RuleStatus.DRY_RUN, limits=Limits(points_per_customer=100, points_in_total=100))
    buy(ann, tea)
    buy(ann, tea)
    assert sorted(EarningRuleUse.objects.values_list("points", flat=True)) == [40, 60]
    update_rule(double.pk, SYSTEM, status=RuleStatus.LIVE)
    assert points_of(buy(ann, tea)) == [120]


def test_a_late_order_counts_in_its_own_month(ann, tea):
    rule(limits=Limits(uses_per_customer=1, period=Period.MONTH))
    assert points_of(buy(ann, tea, at=NOON + timedelta(days=31))) == [120]
    assert points_of(buy(ann, tea)) == [120]


def test_a_rule_that_is_off_does_nothing(ann, tea):
    rule(status=RuleStatus.OFF)
    assert points_of(buy(ann, tea)) == [60]
    assert not EarningRuleUse.objects.exists()


def test_statements_do_not_grow_with_orders_and_rules(ann, tea, django_assert_num_queries):
    # Segments cost statements of their own; a test with real transactions takes the ready-made ones away.
    CustomerSegment.objects.all().delete()

    def order():
        return make_order(ann, lines=[(tea, 1)], created_at=NOON).pk

    rule(limits=Limits(points_per_order=5))
    # Twice: the second order makes a regular of her, which is an event of its own.
    for _ in range(2):
        sync_orders([order()])
    few, many = [order()], [order() for _ in range(5)]
    with django_assert_num_queries(41) as counted:
        sync_orders(few)
    for _ in range(4):
        rule(limits=Limits(uses_per_customer=100))
    with django_assert_num_queries(len(counted)):
        sync_orders(many)
