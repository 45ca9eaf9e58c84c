"""What a storefront can ask of ours, field by field, as the authenticated customer."""

from __future__ import annotations

import re
from dataclasses import dataclass

import graphene

from tests.benchmarks.storefront_tables import ORDERS, Sizes, order_id

CHANNEL = "one"
EMAIL = "me { email }"
PRODUCT, PRODUCTS = (
    f'product(id: $product, channel: "{CHANNEL}")',
    f'products(first: $first, channel: "{CHANNEL}")',
)
CHECKOUT = """
mutation ($input: CheckoutCreateInput!) { checkoutCreate(input: $input) { checkout { id } errors { field message } } }
"""


@dataclass(frozen=True)
class Question:
    """A selection.

    Attributes:
        beside: a selection that asks the shop for as much without us.
        pages: path to the connection whose pages are turned with `$first` and `$after`, if it has one.
    """

    name: str
    selection: str
    beside: str = EMAIL
    pages: str = ""

    @property
    def is_list(self) -> bool:
        return "$first" in self.selection


def document(selection: str) -> str:
    used = dict.fromkeys(re.findall(r"\$(\w+)", selection))
    declared = f"({', '.join(f'${name}: {_TYPES[name]}' for name in used)})" if used else ""
    return f"query {declared} {{ {selection} }}"


_TYPES = {"first": "Int", "after": "String", "order": "ID!", "product": "ID!", "products": "[ID!]", "checkout": "ID"}


def variables(customer: int, sizes: Sizes) -> dict[str, object]:
    """For the questions of one customer: an order, a product, a basket of twenty. Of each customer, others."""
    # Every tenth product is unpublished, none of these.
    products = [1 + 10 * (customer * 37 + place * 101) % sizes.products for place in range(20)]
    return {
        "order": _id("Order", order_id(customer, customer % ORDERS)),
        # The first customer's is the one with many reviews.
        "product": _id("Product", products[0] if customer > 1 else 1),
        "products": [_id("Product", product) for product in products],
        "variants": [_id("ProductVariant", product) for product in products[:5]],
    }


def _id(kind: str, key: object) -> str:
    return graphene.Node.to_global_id(kind, key)


_PAGE = "pageInfo { hasNextPage endCursor }"
_PRICE = "checkout(id: $checkout) { totalPrice { gross { amount } } }"
_LIST = "product { name } score reason { kind text }"


def _account(name: str, fields: str, pages: str = "") -> Question:
    return Question(
        f"loyaltyAccount: {name}", f'me {{ loyaltyAccount(channel: "{CHANNEL}") {{ {fields} }} }}', pages=pages
    )


def _profile(name: str, fields: str, pages: str = "") -> Question:
    return Question(f"customerProfile: {name}", f"me {{ customerProfile {{ {fields} }} }}", pages=pages)


def _product(name: str, fields: str, pages: str = "") -> Question:
    return Question(f"product: {name}", f"{PRODUCT} {{ {fields} }}", f"{PRODUCT} {{ name }}", pages)


def _recommended(name: str, arguments: str) -> Question:
    selection = f'me {{ recommendations(channel: "{CHANNEL}", first: $first, {arguments}) {{ {_LIST} }} }}'
    return Question(f"recommendations: {name}", selection)


BUDGET = f"""
me {{
  loyaltyAccount {{ balance tier {{ name }} }}
  recommendations(channel: "{CHANNEL}", first: $first) {{ {_LIST} }}
}}
"""
QUESTIONS = (
    _account("balance", "balance pending deficit lifetime"),
    _account("worth", "worth { amount }"),
    _account("expiringSoon", "expiringSoon { points expiresAt }"),
    _account("nextActivation", "nextActivation { points availableAt }"),
    _account("referralCode", "referralCode"),
    _account("tier", "tier { name level threshold }"),
    _account("tierProgress", "tierProgress { nextTier { name } pointsToNext keepUntil pointsToKeep }"),
    _account(
        "transactions",
        "transactions(first: $first, after: $after)"
        f" {{ edges {{ node {{ type points balanceAfter createdAt reason order {{ number }} }} }} {_PAGE} }}",
        "me.loyaltyAccount.transactions",
    ),
    _account("transactions, totalCount", "transactions(first: 1) { totalCount }"),
    _account(
        "redemptions",
        "redemptions(first: $first, after: $after)"
        f" {{ edges {{ node {{ name status code cost reward {{ name }} order {{ number }} }} }} {_PAGE} }}",
        "me.loyaltyAccount.redemptions",
    ),
    _account("redemptions, totalCount", "redemptions(first: 1) { totalCount }"),
    Question(
        "loyaltyRewards",
        f'loyaltyRewards(channel: "{CHANNEL}", first: $first, after: $after)'
        f" {{ edges {{ node {{ name cost canRedeem missingPoints refusal minimumTier {{ name }} }} }} {_PAGE} }}",
        pages="loyaltyRewards",
    ),
    Question("loyaltyTiers", "loyaltyTiers { name level threshold earningMultiplier }"),
    _profile(
        "metrics",
        "email ordersCount metrics { netSpent { amount } averageOrderValue { amount } lastOrderAt rfmGroup"
        " predictedClv { amount } }",
    ),
    _profile("lifecycle and type", "lifecycleStage lifecycleSince customerType"),
    _profile("favoriteCategories", "favoriteCategories(first: $first) { category { name } ordersCount }"),
    _profile("consents", "consents { purpose state recordedAt } profilingAllowed recommendationsAllowed"),
    _profile(
        "timeline",
        "timeline(first: $first, after: $after)"
        f" {{ edges {{ node {{ kind happenedAt points amount {{ amount }} order {{ number }} }} }} {_PAGE} }}",
        "me.customerProfile.timeline",
    ),
    _profile("timeline, totalCount", "timeline(first: 1) { totalCount }"),
    _profile(
        "feedback",
        "feedback(first: $first, after: $after)"
        f" {{ edges {{ node {{ score comment order {{ number }} reviews {{ rating comment }} }} }} {_PAGE} }}",
        "me.customerProfile.feedback",
    ),
    _recommended("FOR_YOU", "kind: FOR_YOU"),
    _recommended("FOR_YOU, offset 1,000", "kind: FOR_YOU, offset: 1000"),
    _recommended("BUY_AGAIN", "kind: BUY_AGAIN"),
    _recommended("DISCOVER", "kind: DISCOVER"),
    _recommended("RECENTLY_VIEWED", "kind: RECENTLY_VIEWED"),
    _recommended("BESTSELLERS", "kind: BESTSELLERS"),
    _recommended("TRENDING", "kind: TRENDING"),
    _recommended("NEW_ARRIVALS", "kind: NEW_ARRIVALS"),
    Question(
        "recommendations: basket of 20",
        f'recommendations(channel: "{CHANNEL}", productIds: $products, first: $first) {{ {_LIST} }}',
    ),
    _product("similarProducts", f"similarProducts(first: $first) {{ {_LIST} }}"),
    _product("frequentlyBoughtTogether", f"frequentlyBoughtTogether(first: $first) {{ {_LIST} }}"),
    _product("customerRating", "customerRating { average count counts }"),
    _product(
        "customerReviews",
        f"customerReviews(first: $first, after: $after) {{ edges {{ node {{ rating comment createdAt }} }} {_PAGE} }}",
        "product.customerReviews",
    ),
    _product("customerReviews, totalCount", "customerReviews(first: 1) { totalCount }"),
    Question(
        "products: with all of ours",
        f"{PRODUCTS} {{ edges {{ node {{ customerRating {{ average }}"
        f" similarProducts(first: 4) {{ {_LIST} }} frequentlyBoughtTogether(first: 4) {{ {_LIST} }} }} }} }}",
        f"{PRODUCTS} {{ edges {{ node {{ name }} }} }}",
    ),
    Question(
        "order: loyalty",
        "order(id: $order) { loyalty { pointsEarned pointsPending pointsRedeemed availableAt } }",
        "order(id: $order) { number }",
    ),
    Question(
        "order: customerFeedback",
        "order(id: $order) { customerFeedback { score reviews { rating } } }",
        "order(id: $order) { number }",
    ),
    Question(
        "orders: loyalty and customerFeedback",
        "me { orders(first: $first) { edges { node { loyalty { pointsEarned pointsRedeemed } customerFeedback { score }"
        " } } } }",
        "me { orders(first: $first) { edges { node { number } } } }",
    ),
    Question(
        "checkout: loyalty",
        "checkout(id: $checkout) { loyalty { pointsToEarn breakdown { name points reason } maxApplicablePoints"
        " appliedPoints discount { amount } } }",
        _PRICE,
    ),
    Question(
        "checkout: recommendations",
        f"checkout(id: $checkout) {{ recommendations(first: $first) {{ {_LIST} }} }}",
        _PRICE,
    ),
)
