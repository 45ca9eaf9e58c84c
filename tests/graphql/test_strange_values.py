"""Values that the database cannot hold are errors of the request that sent them, and never a broken answer."""

from __future__ import annotations

from decimal import Decimal
from json import dumps
from types import SimpleNamespace

import pytest
from django.db import DatabaseError

from saleor_crm_plugin.graphql.guard import UNSTORABLE, guarded
from saleor_crm_plugin.graphql.lists import encode
from saleor_crm_plugin.graphql.mutations import DomainMutation
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rewards.definition import Reward, RewardKind
from saleor_crm_plugin.loyalty.rewards.editing import create_reward
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

OFFICE = ("MANAGE_USERS", "MANAGE_DISCOUNTS", "MANAGE_ORDERS", "MANAGE_PRODUCTS")
# The second is one of the two in which UTF-16 writes a character such as an emoji.
UNSTORABLE_CHARACTERS = pytest.mark.parametrize("character", ["\0", "\ud800"], ids=["NUL", "half a character"])
TOO_LARGE = (str(2**63), str(10**30), "9" * 5000)


def spelled(call: str, text: str) -> str:
    """The call with the text in the query itself: half a character in a variable, Saleor refuses from 3.23 on."""
    return call.replace("$text", dumps(text))


def mutation_of(call: str, text: str) -> str:
    return f"mutation {{ {spelled(call, text)} {{ errors {{ field code }} }} }}"


@pytest.mark.parametrize("key", TOO_LARGE, ids=["bigint", "numeric", "digits"])
@pytest.mark.parametrize(
    "call",
    [
        'customerTagAssign(ids: [$id], tags: ["vip"])',
        'customerNoteAdd(id: $id, text: "x")',
        "customerDataExport(id: $id)",
    ],
)
def test_a_key_that_is_too_large_is_no_id(shop, staff_with, call, key):
    mutation = f"mutation ($id: ID!) {{ {call} {{ errors {{ field code }} }} }}"
    (answer,) = staff_with(*OFFICE).data(mutation, id=global_id("CustomerProfile", key)).values()
    assert [error["code"] for error in answer["errors"]] == ["GRAPHQL_ERROR"]


@UNSTORABLE_CHARACTERS
@pytest.mark.parametrize(
    "call",
    [
        'customerNoteAdd(email: $text, text: "x")',
        "customerConsentUpdate(email: $text, consents: [{ purpose: PROFILING, state: REFUSED }])",
        "customerProfileTypeUpdate(email: $text, customerType: B2B)",
        "customerDataExport(email: $text)",
        "customerDataErase(email: $text, level: STOP)",
        'loyaltyPointsAdjust(email: $text, points: 1, reason: "x")',
    ],
)
def test_nobody_has_an_address_that_cannot_be_stored(shop, staff_with, call, character):
    (answer,) = staff_with(*OFFICE).data(mutation_of(call, f"ann{character}@example.com")).values()
    assert answer["errors"] == [{"field": "email", "code": "NOT_FOUND"}]


@UNSTORABLE_CHARACTERS
@pytest.mark.parametrize(
    "call",
    [
        "customerSegment(slug: $text) { id }",
        "customerTags(search: $text) { name }",
        "customerProfiles(first: 1, search: $text) { totalCount }",
        "customerProfiles(first: 1, search: $text) { edges { node { id } } }",
        "customerProfiles(first: 1, where: { netSpent: { currency: $text, eq: 1 } }) { totalCount }",
        "customerProfiles(first: 1, where: { rfmGroup: { currency: $text, eq: LOYAL } }) { totalCount }",
        "customerProfiles(first: 1, search: $text) { totalCount edges { node { id } } }",
    ],
)
def test_a_query_says_that_a_text_cannot_be_looked_up(shop, staff_with, call, character):
    query = f"{{ {spelled(call, f'a{character}b')} }}"
    assert staff_with(*OFFICE).error(query) == ("GraphQLError", UNSTORABLE)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("loyaltyAccount(userId: $ann, channel: $text) { balance worth { amount } }", {"balance": 500, "worth": None}),
        ("user(id: $ann) { loyaltyAccount(channel: $text) { worth { amount } } }", {"loyaltyAccount": {"worth": None}}),
        ("user(id: $ann) { recommendations(channel: $text) { score } }", {"recommendations": []}),
        ("recommendations(channel: $text) { score }", []),
        ("customerFeedback(first: 1, channel: $text) { totalCount }", {"totalCount": 0}),
        ("customerFeedbackReport(channel: $text) { total { responses } }", {"total": {"responses": 0}}),
        ("loyaltyRewards(first: 1, channel: $text) { totalCount }", {"totalCount": 0}),
    ],
)
def test_no_channel_has_such_a_name(shop, staff_with, call, answer):
    query = call.replace("$ann", dumps(global_id("User", shop.ann.pk)))
    for text in ("unknown", "a\0b", "a\ud800b"):
        assert list(staff_with(*OFFICE).data(f"{{ {spelled(query, text)} }}").values()) == [answer]


def test_no_channel_has_such_a_name_for_a_mutation(shop, staff_with, as_ann):
    ann = global_id("User", shop.ann.pk)
    adjust = """mutation ($ann: ID!) {
      loyaltyPointsAdjust(userId: $ann, points: 1, reason: "x", channel: $text) {
        account { worth { amount } } errors { code } } }"""
    simulate = """mutation {
      loyaltyEarningRuleSimulate(input: { effect: MULTIPLIER, value: 2 }, channel: $text) {
        errors { field code } } }"""
    redeem = """mutation ($reward: ID!) {
      loyaltyRewardRedeem(rewardId: $reward, idempotencyKey: "x", channel: $text) { errors { field code } } }"""
    worth = Reward("Five off", RewardKind.VOUCHER_FIXED, cost=200, amount=Decimal(5), currency="USD", is_active=True)
    reward = create_reward(default_program_id(), worth)
    for text in ("unknown", "a\0b", "a\ud800b"):
        adjusted = staff_with(*OFFICE).data(spelled(adjust, text), ann=ann)["loyaltyPointsAdjust"]
        assert adjusted == {"account": {"worth": None}, "errors": []}
        simulated = staff_with(*OFFICE).data(spelled(simulate, text))["loyaltyEarningRuleSimulate"]
        assert simulated["errors"] == [{"field": "channel", "code": "NOT_FOUND"}]
        redeemed = as_ann.data(spelled(redeem, text), reward=global_id("LoyaltyReward", reward.pk))[
            "loyaltyRewardRedeem"
        ]
        assert redeemed["errors"] == [{"field": "channel", "code": "NOT_FOUND"}]


@UNSTORABLE_CHARACTERS
@pytest.mark.parametrize(
    ("call", "field"),
    [
        ('customerNoteAdd(email: "ann@example.com", text: $text)', "text"),
        (
            'customerConsentUpdate(email: "ann@example.com",'
            " consents: [{ purpose: PROFILING, state: REFUSED, source: $text }])",
            "source",
        ),
        ('customerSegmentCreate(input: { name: $text, query: "orders_count = 1" })', "name"),
        ('customerSegmentCreate(input: { name: "Some", query: $text })', "query"),
    ],
)
def test_a_text_that_cannot_be_stored_is_refused(shop, staff_with, call, field, character):
    (answer,) = staff_with(*OFFICE).data(mutation_of(call, f"a{character}b")).values()
    assert answer["errors"] == [{"field": field, "code": "INVALID"}]


@UNSTORABLE_CHARACTERS
def test_a_mutation_without_a_check_of_its_own_says_so_too(shop, staff_with, character):
    resolve_profiles([GuestPerson("ann@example.com")])
    mutation = mutation_of('loyaltyPointsAdjust(email: "ann@example.com", points: 1, reason: $text)', f"a{character}b")
    assert staff_with(*OFFICE).error(mutation) == ("GraphQLError", UNSTORABLE)


def test_other_errors_of_the_database_are_not_their_own_cause(monkeypatch):
    """Saleor follows the causes of an error recursively: one without an end takes the whole answer away."""
    error = DatabaseError("something else")

    def fail(*_: object, **__: object) -> None:
        raise error

    with pytest.raises(DatabaseError) as raised:
        guarded(fail)()
    assert raised.value.__cause__ is None

    monkeypatch.setattr("saleor.graphql.core.mutations.BaseMutation.mutate", fail)
    with pytest.raises(DatabaseError) as raised:
        DomainMutation.mutate(None, SimpleNamespace(context=SimpleNamespace()))
    assert raised.value.__cause__ is None


CURSORS = (str(2**63), str(10**40), "-1", "9" * 5000)


@pytest.mark.parametrize("cursor", CURSORS, ids=["bigint", "numeric", "negative", "digits"])
@pytest.mark.parametrize(
    "call",
    [
        "customerDataRequests(first: 1, after: $cursor) { totalCount }",
        "customerSegments(first: 1) { edges { node { members(first: 1, after: $cursor) { totalCount } } } }",
        'customerProfile(email: "ann@example.com") { notes(last: 1, before: $cursor) { totalCount } }',
    ],
)
def test_a_place_beyond_all_keys_is_in_no_list(shop, staff_with, call, cursor):
    assert staff_with(*OFFICE).error(f"query ($cursor: String) {{ {call} }}", cursor=encode(cursor)) == (
        "GraphQLError",
        "The cursor is not one of this list. Take it from `pageInfo` or an edge.",
    )


@pytest.mark.parametrize(
    "place",
    [["net_spent asc USD", "1e1000000", 1], ["net_spent asc USD", "1" + "0" * 17, 1], None],
    ids=["exponent", "digits", "depth"],
)
def test_a_place_that_no_sorting_has_is_in_no_list(shop, staff_with, place):
    query = """
    query ($cursor: String) {
      customerProfiles(first: 1, after: $cursor, sortBy: { field: NET_SPENT, direction: ASC, currency: "USD" }) {
        edges { node { id } }
      }
    }
    """
    cursor = encode("[" * 50_000 if place is None else dumps(place))
    code, message = staff_with(*OFFICE).error(query, cursor=cursor)
    assert (code, message.startswith("The cursor is not one of this list, sorted like this.")) == ("GraphQLError", True)


@pytest.mark.parametrize("condition", ["eq: $huge", "oneOf: [$huge]", "range: { gte: $huge }", "range: { lte: $huge }"])
def test_no_amount_is_as_large(shop, staff_with, condition):
    where = f'{{ netSpent: {{ currency: "USD", {condition} }} }}'
    query = f"query ($huge: Decimal!) {{ customerProfiles(first: 1, where: {where}) {{ totalCount }} }}"
    code, message = staff_with(*OFFICE).error(query, huge="1e1000000")
    assert (code, "`netSpent`" in message) == ("GraphQLError", True)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (
            'loyaltyRewardCreate(input: { name: "x", kind: VOUCHER_PERCENTAGE, cost: 1, percentage: $huge })',
            "percentage",
        ),
        (
            'loyaltyRewardCreate(input: { name: "x", kind: VOUCHER_FIXED, cost: 1, amount: $huge, currency: "USD" })',
            "amount",
        ),
        ('loyaltyEarningRuleCreate(input: { name: "x", effect: MULTIPLIER, value: $huge })', "value"),
        (
            'loyaltyEarningRuleCreate(input: { name: "x", effect: MULTIPLIER, value: 2,'
            " conditions: { minimumSubtotal: $huge } })",
            "minimumSubtotal",
        ),
        ('loyaltyTierCreate(input: { name: "x", level: 1, threshold: $huge })', "threshold"),
    ],
)
def test_a_number_of_a_million_digits_is_out_of_range(shop, staff_with, call, field):
    mutation = f"mutation ($huge: Decimal) {{ {call} {{ errors {{ field code }} }} }}"
    (answer,) = staff_with(*OFFICE).data(mutation, huge="-1e1000000").values()
    assert answer["errors"] == [{"field": field, "code": "INVALID"}]
