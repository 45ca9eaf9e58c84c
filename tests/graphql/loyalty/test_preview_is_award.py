"""Invariant 6 of the design: what the preview of a checkout says is what its order earns, whatever is in it."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from tests.devshop.factories import make_product, make_voucher, pay_order
from tests.graphql.conftest import BEGINNING
from tests.graphql.loyalty.test_checkout_loyalty import APPLY, complete, loyalty
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.shop_settings import loyalty_settings

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.devshop("completes the checkout by a call that a real shop surrounds with payment steps"),
]

CENTS = st.integers(1, 20_000).map(lambda cents: D(cents) / 100)
CARTS = st.lists(st.tuples(CENTS, st.integers(1, 3)), min_size=1, max_size=4)
SETTINGS = st.fixed_dictionaries(
    {
        "points_per_unit": st.sampled_from(["0.07", "1", "3.3"]),
        "basis": st.sampled_from(["gross", "net"]),
        "redemption_form": st.sampled_from(["voucher", "gift card"]),
        "points_earn": st.booleans(),
        "maximum_share_percent": st.sampled_from(["100", "35"]),
    }
)
RULES = st.lists(
    st.builds(
        lambda effect, first_line_only, minimum, most, priority, stackable: (
            effect,
            first_line_only,
            {
                "limits": Limits(points_per_order=most),
                "priority": priority,
                "stackable": stackable,
                "minimum": minimum,
            },
        ),
        st.sampled_from(
            [
                (Effect.POINTS_PER_AMOUNT, D("0.3")),
                (Effect.FIXED_POINTS, D(7)),
                (Effect.MULTIPLIER, D("1.5")),
                (Effect.MULTIPLIER, D(3)),
            ]
        ),
        st.booleans(),
        st.sampled_from([None, D(50)]),
        st.sampled_from([None, 40]),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=3,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cart=CARTS,
    terms=SETTINGS,
    rules=RULES,
    multiplier=st.sampled_from([None, D("1.25")]),
    voucher=st.sampled_from([0, 0, 5]),
    points=st.sampled_from([0, 1, 233, 500]),
)
def test_the_order_earns_what_its_checkout_said(
    shop, as_ann, checkout_of, cart, terms, rules, multiplier, voucher, points
):
    with transaction.atomic():
        loyalty_settings(shop.channel, earn_from=BEGINNING, point_value="0.01", **terms)
        products = [make_product(price=price, channel=shop.channel) for price, _ in cart]
        for effect, first_line_only, changes in rules:
            conditions = Conditions(
                product_ids=frozenset({products[0].pk}) if first_line_only else frozenset(),
                minimum_subtotal=changes.pop("minimum"),
            )
            definition = RuleDefinition(Trigger.ORDER, *effect, conditions=conditions, **changes)
            create_rule(default_program_id(), "Rule", RuleStatus.LIVE, definition, SYSTEM)
        if multiplier:
            make_tiers(1, earning_multiplier=multiplier, policy={"window": "lifetime"})
            # Ann's, and the guest's.
            assert review_tiers(timezone.now()) == 2
        checkout_id = checkout_of(
            as_ann, [(product, count) for product, (_, count) in zip(products, cart, strict=True)]
        )
        if voucher:
            make_voucher("OFF", voucher, shop.channel)
            add = 'mutation ($id: ID!) { checkoutAddPromoCode(id: $id, promoCode: "OFF") { errors { code } } }'
            as_ann.data(add, id=checkout_id)
        if points:
            # With another voucher, or where nothing is left to pay, it is refused; then there are no points on it.
            as_ann.data(APPLY, id=checkout_id, points=points)
        told = loyalty(as_ann, checkout_id)
        order = complete(checkout_id)
        if order.total_gross_amount:
            pay_order(order)
        sync_order(order.pk)
        found = order_points([order.pk], "default").get(order.pk)
        assert (found.earned if found else 0, found.redeemed if found else 0) == (
            told["pointsToEarn"],
            told["appliedPoints"],
        )
        transaction.set_rollback(True)
