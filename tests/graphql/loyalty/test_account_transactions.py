"""`LoyaltyAccount.transactions`: the entries of an account, page by page."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from tests.devshop.factories import make_order
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

ENTRIES = """
query ($first: Int, $last: Int, $after: String, $before: String) {
  me {
    loyaltyAccount {
      transactions(first: $first, last: $last, after: $after, before: $before) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { node { points } }
      }
    }
  }
}
"""


@pytest.fixture
def page(shop, as_ann):
    """Entries of Ann: 200 and 300 from her orders, then 1, 2 and 3 by hand."""
    account = LoyaltyAccount.objects.get(profile__user=shop.ann)
    for points in (1, 2, 3):
        adjust(account.pk, points, "Thank you", SYSTEM, f"key {points}")

    def read(**arguments):
        found = as_ann.data(ENTRIES, **arguments)["me"]["loyaltyAccount"]["transactions"]
        return [edge["node"]["points"] for edge in found["edges"]], found["pageInfo"], found["totalCount"]

    return read


def test_an_entry_says_what_happened_and_why(shop, as_ann):
    account = LoyaltyAccount.objects.get(profile__user=shop.ann)
    adjust(account.pk, -20, "Sent twice by mistake", SYSTEM, "key")
    query = """{ me { loyaltyAccount { transactions(first: 3) { edges { node {
        type points balanceAfter reason createdAt order { number total { gross { amount } } }
    } } } } } }"""
    edges = as_ann.data(query)["me"]["loyaltyAccount"]["transactions"]["edges"]
    entries = [edge["node"] for edge in edges]
    assert all(entry.pop("createdAt") for entry in entries)
    assert entries == [
        {"type": "ADJUST", "points": -20, "balanceAfter": 480, "reason": "Sent twice by mistake", "order": None},
        {
            "type": "EARN",
            "points": 300,
            "balanceAfter": 500,
            "reason": "",
            "order": {"number": str(shop.second.number), "total": {"gross": {"amount": 30.0}}},
        },
        {
            "type": "EARN",
            "points": 200,
            "balanceAfter": 200,
            "reason": "",
            "order": {"number": str(shop.first.number), "total": {"gross": {"amount": 20.0}}},
        },
    ]


def test_orders_are_for_those_who_may_see_them(shop, staff_with, app_with):
    query = """query ($user: ID) { loyaltyAccount(userId: $user) {
        transactions(first: 1) { edges { node { points order { id } } } }
    } }"""

    def told(api):
        (edge,) = api.data(query, user=global_id("User", shop.ann.pk))["loyaltyAccount"]["transactions"]["edges"]
        return edge["node"]

    for make in (staff_with, app_with):
        assert told(make("MANAGE_USERS")) == {"points": 300, "order": None}
        assert told(make("MANAGE_USERS", "MANAGE_ORDERS")) == {
            "points": 300,
            "order": {"id": global_id("Order", shop.second.pk)},
        }


def test_an_order_that_was_deleted_leaves_its_entry(shop, as_ann):
    for payment in shop.second.payments.all():
        payment.transactions.all().delete()
        payment.delete()
    shop.second.delete()
    query = "{ me { loyaltyAccount { transactions(first: 1) { edges { node { points order { number } } } } } } }"
    edges = as_ann.data(query)["me"]["loyaltyAccount"]["transactions"]["edges"]
    assert edges == [{"node": {"points": 300, "order": None}}]


def test_a_page_of_several_accounts_at_once_holds_each_ones_own(shop, staff_with):
    for _ in range(3):
        sync_orders([make_order(shop.ben, channel=shop.channel, lines=[(shop.plum, 1)]).pk])
    query = """{ customerProfiles(first: 9) { edges { node { email user { loyaltyAccount {
        transactions(first: 1) { totalCount edges { node { points balanceAfter } } }
    } } } } } }"""
    edges = staff_with("MANAGE_USERS").data(query)["customerProfiles"]["edges"]
    users = {edge["node"]["email"]: edge["node"]["user"] for edge in edges}
    assert users.pop("guy@example.com") is None
    assert {email: user["loyaltyAccount"]["transactions"] for email, user in users.items()} == {
        "ann@example.com": {"totalCount": 2, "edges": [{"node": {"points": 300, "balanceAfter": 500}}]},
        "ben@example.com": {"totalCount": 3, "edges": [{"node": {"points": 50, "balanceAfter": 150}}]},
    }


def test_forwards(page):
    points, info, total = page(first=2)
    assert (points, total) == ([3, 2], 5)
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (True, False)
    points, info, _ = page(first=2, after=info["endCursor"])
    assert (points, info["hasNextPage"], info["hasPreviousPage"]) == ([1, 300], True, True)
    points, info, _ = page(first=2, after=info["endCursor"])
    assert (points, info["hasNextPage"], info["hasPreviousPage"]) == ([200], False, True)
    assert page(first=2, after=info["endCursor"])[0] == []


def test_backwards(page):
    points, info, _ = page(last=2)
    assert (points, info["hasNextPage"], info["hasPreviousPage"]) == ([300, 200], False, True)
    points, info, _ = page(last=2, before=info["startCursor"])
    assert (points, info["hasNextPage"], info["hasPreviousPage"]) == ([2, 1], True, True)
    points, info, _ = page(last=2, before=info["startCursor"])
    assert (points, info["hasNextPage"], info["hasPreviousPage"]) == ([3], True, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`transactions` is read in pages: give `first` or `last`, at most 100."),
        ({"first": 101}, "Argument `first` of the `transactions` connection must be between 1 and 100."),
        ({"first": 0}, "Argument `first` of the `transactions` connection must be between 1 and 100."),
        ({"last": -1}, "Argument `last` of the `transactions` connection must be between 1 and 100."),
        ({"first": 1, "last": 1}, "Give `transactions` either `first` or `last`, not both."),
        (
            {"first": 1, "before": "MQ=="},
            "`transactions` pages forwards with `first` and `after`; `before` goes with `last`.",
        ),
        (
            {"last": 1, "after": "MQ=="},
            "`transactions` pages backwards with `last` and `before`; `after` goes with `first`.",
        ),
        ({"first": 1, "after": "nonsense"}, "The cursor is not one of this list. Take it from `pageInfo` or an edge."),
        ({"first": 1, "after": "bm8="}, "The cursor is not one of this list. Take it from `pageInfo` or an edge."),
    ],
)
def test_wrong_arguments(shop, as_ann, arguments, message):
    assert as_ann.error(ENTRIES, **arguments) == ("GraphQLError", message)
