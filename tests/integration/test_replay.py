"""Hints may come late, twice, in any order, or not at all: the state that they lead to is the same.

A story is a list of things that happen in the shop, each with the hint that a hook gives. It is told twice to the same
shop: once with every hint delivered at once, then with hints delayed, shuffled and doubled, every tenth lost, and one
reconciliation at the end.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order
from saleor_crm_plugin.profiles.rfm import refresh_rfm
from tests.devshop import flows
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.ingestion.state import configure_loyalty, owner_of, state, undone

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 6, 1, tzinfo=UTC)
ORDERS = 14
EVENTS = 45
LOST_EVERY = 10
SEEDS = range(1, 5)

Hint = Callable[[], object]


@dataclass(frozen=True)
class Event:
    """Something that happens in the shop, to the order with that number; `share` says how much of it."""

    kind: str
    order: int
    share: Decimal


def make_story(seed: int) -> list[Event]:
    chance = random.Random(seed)
    kinds = ["pay"] * 6 + ["charge"] * 3 + ["refund"] * 4 + ["cancel"] * 2 + ["fulfill"] * 2 + ["register"] * 2
    return [
        Event(chance.choice(kinds), chance.randrange(ORDERS), Decimal(chance.choice(["0.25", "0.5", "1"])))
        for _ in range(EVENTS)
    ]


def open_shop() -> list[UUID]:
    channel = make_channel()
    configure_loyalty(channel, points_per_unit="1", earn_from="2000-01-01T00:00:00+00:00")
    products = [make_product(price=price, channel=channel) for price in (4, 10, 25)]
    users = [make_customer(f"user{number}@example.com") for number in range(3)]
    orders = []
    for number in range(ORDERS):
        user = users[number % 3] if number % 2 else None
        order = make_order(
            user,
            email="" if user else f"guest{number % 6}@example.com",
            lines=[(products[number % 3], 1 + number % 2)],
            paid=False,
            created_at=NOW - timedelta(days=number * 20),
        )
        orders.append(order.pk)
    return orders


def happen(event: Event, orders: list[UUID]) -> list[Hint]:
    """Let it happen, if it can, and return the hints that Saleor's hooks give."""
    order = Order.objects.get(pk=orders[event.order])
    hints: list[Hint] = [lambda: sync_order(order.pk)]
    paid, closed = order.total_charged_amount > 0, order.status in ("canceled", "expired")
    if event.kind == "pay" and not paid and not closed:
        flows.pay_order(order)
    elif event.kind == "charge" and not order.payments.exists() and not order.payment_transactions.exists():
        flows.pay_order(order, order.total_gross_amount * event.share)
    elif event.kind == "refund" and paid:
        flows.refund_order(order, order.total_charged_amount * event.share)
    elif event.kind == "cancel" and order.can_cancel():
        flows.cancel_order(order)
    elif event.kind == "fulfill" and order.status == "unfulfilled":
        flows.fulfill_order(order)
    elif event.kind == "register" and order.user_id is None:
        hints = register(order.user_email)
    else:
        return []
    return hints


def register(email: str) -> list[Hint]:
    """A guest opens an account and confirms the address: Saleor attaches the orders without a hook."""
    if User.objects.filter(email=email).exists():
        return []
    user_id = make_customer(email, is_confirmed=True).pk
    Order.objects.confirmed().filter(user_email=email, user=None).update(user=user_id)
    return [lambda: sync_customer(user_id)]


def tell_promptly(story: Iterable[Event], orders: list[UUID]) -> None:
    for order_id in orders:
        sync_order(order_id)
    for event in story:
        for hint in happen(event, orders):
            hint()


def tell_badly(story: Iterable[Event], orders: list[UUID], seed: int) -> None:
    chance = random.Random(-seed)
    waiting: list[Hint] = [lambda order_id=order_id: sync_order(order_id) for order_id in orders]  # type: ignore[misc]
    given = 0
    for event in story:
        for hint in happen(event, orders):
            given += 1
            if given % LOST_EVERY:
                waiting += [hint] * chance.choice([1, 1, 2, 3])
        chance.shuffle(waiting)
        for _ in range(chance.randrange(3)):
            if waiting:
                waiting.pop()()
    for hint in waiting:
        hint()


def outcome() -> dict[str, Any]:
    """What must be the same.

    Not compared: when it was seen, what is netted out within an order, and accounts that never kept anything.
    """
    refresh_rfm(365, NOW)
    found = state()
    points: defaultdict[UUID, int] = defaultdict(int)
    for (order_id, _), number in found.pop("points").items():
        points[order_id] += number
    del found["seen"]
    return found | {
        "points": {order_id: number for order_id, number in points.items() if number},
        "accounts": {owner: sums for owner, sums in found["accounts"].items() if any(sums)},
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_hints_that_come_late_twice_or_never_lead_to_the_same_state(seed: int) -> None:
    orders, story = open_shop(), make_story(seed)
    with undone():
        tell_promptly(story, orders)
        reconcile(full=True)
        promptly = outcome()

    tell_badly(story, orders, seed)
    reconcile(full=True)

    badly = outcome()
    assert badly.keys() == promptly.keys()
    for part, expected in promptly.items():
        assert badly[part] == expected, part


@pytest.mark.parametrize("seed", SEEDS)
def test_one_reconciliation_after_no_hint_at_all_leads_there_too(seed: int) -> None:
    orders, story = open_shop(), make_story(seed)
    with undone():
        tell_promptly(story, orders)
        reconcile(full=True)
        promptly = outcome()

    for event in story:
        happen(event, orders)
    reconcile(full=True)

    never = outcome()
    for part, expected in promptly.items():
        assert never[part] == expected, part


def test_the_stories_are_worth_telling() -> None:
    orders = open_shop()
    kinds, facts = set(), []
    for seed in SEEDS:
        with undone():
            for event in make_story(seed):
                happen(event, orders)
            reconcile()
            found = state()
            kinds |= {kind for _, kind in found["points"]}
            facts += found["orders"].values()

    assert kinds == {"earn", "earn_reversal"}
    assert {counts for *_, counts, _, _ in facts} == {True, False}
    assert any(refunded for *_, refunded in facts)
    assert any(owner.startswith("user guest") for owner, *_ in facts), "a guest who registered"


def test_an_order_of_a_deleted_user_stays_with_whom_it_was_last_seen() -> None:
    seen, unseen, *_ = (pk for pk in open_shop() if Order.objects.get(pk=pk).user_id)
    sync_order(seen)
    for order_id in (seen, unseen):
        user = Order.objects.get(pk=order_id).user
        assert user is not None
        user_id = user.pk
        flows.delete_customer(user)
        sync_customer(user_id)

    reconcile(full=True)

    # The one thing that depends on the hints: of what was never seen before the deletion, only the address is left.
    assert owner_of(seen) == "no name"
    assert owner_of(unseen) == Order.objects.get(pk=unseen).user_email
