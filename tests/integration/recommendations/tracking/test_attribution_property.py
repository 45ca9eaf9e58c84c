"""Attribution in SQL against the rule in plain Python, on random visits and orders."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileOrder
from saleor_crm_plugin.recommendations.tracking.attribution import Attributed, attributed
from saleor_crm_plugin.recommendations.tracking.identity import session_digest
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.devshop.factories import make_order
from tests.integration.recommendations.tracking.visits import NOW

pytestmark = pytest.mark.django_db

KINDS = ("for_you", "similar")
SESSIONS = ("session-of-visitor-0001", "session-of-visitor-0002")
WINDOW = timedelta(hours=4)
SINCE, UNTIL = NOW - timedelta(hours=7), NOW - timedelta(hours=1)


class Touch(NamedTuple):
    hours: int
    type: str
    kind: str
    product: int
    person: int | None
    session: int | None


class Bought(NamedTuple):
    hours: int
    product: int
    person: int
    session: int | None
    counts: bool
    refunded: int


# Dense, so that most orders have several touches that could have led to them.
product = st.sampled_from([0, 0, 0, 1])
who = st.sampled_from([None, 0, 1])
touches = st.builds(
    Touch,
    hours=st.integers(0, 8),
    type=st.sampled_from(["clicked", "clicked", "added", "shown"]),
    kind=st.sampled_from(KINDS),
    product=product,
    person=who,
    session=who,
).filter(lambda touch: touch.person is not None or touch.session is not None)
orders = st.builds(
    Bought,
    hours=st.integers(0, 4),
    product=product,
    person=st.integers(0, 1),
    session=who,
    counts=st.sampled_from([True, True, True, False]),
    refunded=st.sampled_from([0, 5, 20]),
)


def same_visitor(touch: Touch, bought: Bought, signed_in: set[tuple[int, int]]) -> bool:
    if touch.person is not None:
        return touch.person == bought.person
    return touch.session == bought.session or (touch.session, bought.person) in signed_in


def expected(all_touches: list[Touch], all_orders: list[Bought]) -> tuple[dict[int, str], dict[int, set[str]]]:
    """Touches that led to something, with their kind; orders that something led to, with the kinds it may have been."""
    signed_in = {(t.session, t.person) for t in all_touches if t.session is not None and t.person is not None}
    converted: dict[int, str] = {}
    sold: dict[int, set[str]] = {}
    for number, bought in enumerate(all_orders):
        placed = NOW - timedelta(hours=bought.hours)
        mine = [
            (NOW - timedelta(hours=touch.hours), position)
            for position, touch in enumerate(all_touches)
            if touch.type != "shown"
            and bought.counts
            and touch.product == bought.product
            and NOW - timedelta(hours=touch.hours) >= SINCE
            and placed - WINDOW < NOW - timedelta(hours=touch.hours) <= placed
            and same_visitor(touch, bought, signed_in)
        ]
        for at, position in mine:
            if at < UNTIL:
                converted[position] = all_touches[position].kind
        # What was clicked once more after the time asked for belongs to the time after it.
        if mine and (latest := max(at for at, _ in mine)) < UNTIL:
            # Of two touches in one moment either may have it.
            kinds = {all_touches[position].kind for at, position in mine if at == latest}
            sold[number] = kinds
    return converted, sold


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(touches, min_size=6, max_size=16), st.lists(orders, min_size=2, max_size=6))
def test_as_the_rule_says(shop, all_touches, all_orders):
    RecommendationEvent.objects.all().delete()
    ProfileOrder.objects.all().delete()
    people = [CustomerProfile.objects.create() for _ in range(2)]
    products = [shop.apple, shop.pear]
    for touch in all_touches:
        RecommendationEvent.objects.create(
            id=uuid4(), type=touch.type, kind=touch.kind, product_id=products[touch.product].pk,
            channel_id=shop.channel.pk, profile=None if touch.person is None else people[touch.person],
            session=None if touch.session is None else session_digest(SESSIONS[touch.session]),
            occurred_at=NOW - timedelta(hours=touch.hours),
        )  # fmt: skip
    for bought in all_orders:
        order = make_order(
            email="guest@example.com", channel=shop.channel, lines=[(products[bought.product], 1)], paid=False,
            metadata={} if bought.session is None else {"crm_session": SESSIONS[bought.session]},
        )  # fmt: skip
        ProfileOrder.objects.create(
            order_id=order.pk, profile=people[bought.person], channel_id=shop.channel.pk, currency="USD",
            placed_at=NOW - timedelta(hours=bought.hours), counts=bought.counts, gross_amount=20,
            refunded_amount=bought.refunded,
        )  # fmt: skip
    found = attributed(shop.channel.pk, SINCE, UNTIL, WINDOW)
    converted, sold = expected(all_touches, all_orders)
    clicks = [position for position in converted if all_touches[position].type == "clicked"]
    money = sum((Decimal(20 - all_orders[number].refunded) for number in sold), Decimal(0))
    assert found[None] == Attributed(len(clicks), len(sold), len(sold), money)
    for kind in KINDS:
        of_kind = found.get(kind, Attributed())
        assert of_kind.converted_clicks == sum(all_touches[position].kind == kind for position in clicks)
        surely = sum(kinds == {kind} for kinds in sold.values())
        perhaps = sum(kind in kinds for kinds in sold.values())
        assert surely <= of_kind.orders <= perhaps
    parts = [found[kind] for kind in KINDS if kind in found]
    assert sum((part.revenue for part in parts), Decimal(0)) == money
