"""How many SQL statements a request may cost (design, section 9)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_customer, make_order, make_product
from tests.graphql.client import global_id
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db

EMAIL = "{ me { email } }"
STOREFRONT = """
query ($first: Int) {
  me {
    loyaltyAccount { balance tier { name } }
    recommendations(channel: "default-channel", first: $first) { product { name } score reason { kind text } }
  }
}
"""


@pytest.fixture
def many_products(shop):
    products = [make_product(channel=shop.channel, stock=None) for _ in range(30)]
    publish(popular={shop.channel: products})
    make_tiers(100, policy={"window": "lifetime"})
    review_tiers(timezone.now())


@pytest.mark.parametrize("first", [1, 10, 30])
def test_points_and_recommendations_cost_four_statements_however_many_there_are(many_products, as_ann, first):
    me = as_ann.data(STOREFRONT, first=first)["me"]
    assert (me["loyaltyAccount"], len(me["recommendations"])) == ({"balance": 500, "tier": {"name": "Bronze"}}, first)
    assert as_ann.statements(STOREFRONT, first=first) - as_ann.statements(EMAIL) <= 4


def test_a_customer_without_history_costs_no_more(many_products, as_ben):
    assert as_ben.statements(STOREFRONT, first=10) - as_ben.statements(EMAIL) <= 4


LISTS = {
    "customers": """query ($n: Int) { customerProfiles(first: $n) { edges { node {
        email isGuest ordersCount metrics { netSpent { amount } rfmGroup } user { email customerProfile { id } }
      } } } }""",
    "customers with points": """query ($n: Int) { customerProfiles(first: $n) { edges { node { user {
        loyaltyAccount(channel: "default-channel") {
          balance worth { amount } expiringSoon { points } nextActivation { points }
          transactions(first: 3) { totalCount edges { node { points order { number } } } }
        }
      } } } } }""",
    "customers with recommendations": """query ($n: Int) { customerProfiles(first: $n) { edges { node { user {
        forYou: recommendations(channel: "default-channel", first: 2) { product { name } reason { products { name } } }
        new: recommendations(channel: "default-channel", kind: DISCOVER, first: 2) { product { name } }
      } } } } }""",
    "orders with points": """query ($n: Int) { orders(first: $n) { edges { node {
        loyalty { pointsEarned pointsPending pointsReversed pointsRedeemed availableAt }
      } } } }""",
    "products with what goes with them": """query ($n: Int) {
      products(first: $n, channel: "default-channel") { edges { node {
        frequentlyBoughtTogether(first: 2) { product { name } reason { text products { name } } }
        similarProducts(first: 2) { product { name } reason { text products { name } } }
      } } } }""",
}


@pytest.mark.parametrize("query", LISTS.values(), ids=LISTS.keys())
def test_a_list_costs_the_same_however_long_it_is(shop, staff_with, query):
    orders = []
    for _ in range(8):
        product = make_product(channel=shop.channel, stock=None)
        orders.append(make_order(make_customer(), channel=shop.channel, lines=[(product, 1)]).pk)
    sync_orders(orders)
    publish(
        again={profile.pk: [shop.pear, shop.plum] for profile in CustomerProfile.objects.all()},
        together={shop.apple: [shop.pear], shop.plum: [shop.pear]},
        similar={shop.pear: [shop.plum]},
        popular={shop.channel: [shop.pear, shop.apple, shop.plum]},
    )
    staff = staff_with("MANAGE_USERS", "MANAGE_ORDERS", "MANAGE_PRODUCTS")
    # The fourth product is in no other's list, so it is read for a reason of its own, like those behind it.
    few, many = staff.statements(query, n=4), staff.statements(query, n=8)
    assert many <= few


def test_a_checkout_costs_the_same_however_many_lines_it_has(shop, as_ann, checkout_of):
    query = """query ($id: ID!) { checkout(id: $id) {
        loyalty { pointsToEarn maxApplicablePoints appliedPoints } recommendations { product { name } }
    } }"""
    products = [make_product(channel=shop.channel, stock=None) for _ in range(6)]
    short = checkout_of(as_ann, [(products[0], 1)])
    long = checkout_of(as_ann, [(product, 1) for product in products])
    for checkout_id in (short, long):
        # Prices are calculated once, and stored.
        as_ann.data(query, id=checkout_id)
    assert as_ann.statements(query, id=long) <= as_ann.statements(query, id=short)


def test_recommendations_for_many_checkouts_cost_as_much_as_for_two(shop, as_ann, checkout_of):
    products = [make_product(channel=shop.channel, stock=None) for _ in range(6)]
    publish(together={product: [shop.pear, shop.plum] for product in products})
    checkouts = [checkout_of(as_ann, [(product, 1)]) for product in products]

    def query(count, fields=""):
        """The price makes Saleor read the checkouts' lines, with our field and without."""
        aliases = (
            f'c{place}: checkout(id: "{id}") {{ totalPrice {{ gross {{ amount }} }} {fields} }}'
            for place, id in enumerate(checkouts[:count])
        )
        return f"{{ {' '.join(aliases)} }}"

    def cost(count):
        ours = query(count, "recommendations(first: 2) { product { name } reason { text products { name } } }")
        for checkout in as_ann.data(ours).values():
            assert [one["product"]["name"] for one in checkout["recommendations"]] == ["Pear", "Plum"]
        return as_ann.statements(ours) - as_ann.statements(query(count))

    assert cost(6) <= cost(2)


def test_requests_in_one_body_are_answered_each(shop, as_ann, as_ben, settings):
    """Saleor's view takes a list of requests, and nothing of one may leak into the next."""
    settings.GRAPHQL_BATCH_MAX_COUNT = 3
    me = "{ me { loyaltyAccount { balance } } }"
    of_nobody = {"query": "query ($id: ID!) { user(id: $id) { id } }", "variables": {"id": global_id("User", 1)}}
    answers = as_ann.post_raw([{"query": me}, of_nobody, {"query": me}])
    if isinstance(answers, dict):
        pytest.skip("The stand-in shop takes one request at a time.")
    assert [answer["data"] for answer in (answers[0], answers[2])] == [{"me": {"loyaltyAccount": {"balance": 500}}}] * 2
    assert as_ben.post_raw([{"query": me}])[0]["data"] == {"me": {"loyaltyAccount": None}}
