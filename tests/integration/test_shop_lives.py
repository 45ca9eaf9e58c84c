"""Random lives of a shop, in Saleor's own rows: whatever buyers and staff do, and whether or not the hooks arrive.

The ledger has a machine of its own, which is told facts (loyalty/test_ledger_machine.py); these go through the readers,
what carries points, and reconciliation. Twelve lives a test, the same ones each time; 2,000 others with
`pytest tests/integration/test_shop_lives.py --hypothesis-profile=thorough`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from saleor.order.models import Order

from saleor_crm_plugin.config import AwardWhen, EarnedPointsPolicy, RedemptionForm, SpentPointsPolicy
from saleor_crm_plugin.ingestion.reconcile import reconcile
from tests.conftest import is_stand_in
from tests.integration.ingestion.state import undone
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.shop_life import RETURNS, Action, Shop, balances, points_by_order

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Nothing in them is Saleor's: in a shop a few say that they run there.
LIVES = 12 if is_stand_in() else 3
PARTS = 2
REVERSED = [EarnedPointsPolicy.REVERSE_WITHIN_BALANCE, EarnedPointsPolicy.REVERSE_INTO_DEFICIT]
GIVEN_BACK = [SpentPointsPolicy.RETURN, SpentPointsPolicy.IN_PROPORTION]

SHARES = st.sampled_from([D("0.25"), D("0.5"), D(1), D(1)])
ORDERS = st.integers(0, 2)


def act(kind: str, **fields: Any) -> st.SearchStrategy[Action]:
    return st.builds(Action, st.just(kind), is_told=st.booleans(), **fields)


BUY = act(
    "buy",
    who=st.integers(0, 2),
    without=st.sampled_from([None, 0, 1, 2]),
    points=st.sampled_from([0, 300, 1500, 9000]),
    card=st.sampled_from([0, 0, 5, 100]),
)
PAY = act("pay", order=ORDERS, share=SHARES, by_app=st.booleans())
OF_ORDERS = st.one_of(
    PAY,
    PAY,
    act("fulfill", order=ORDERS, share=SHARES),
    act("refund", order=ORDERS, share=SHARES),
    act("grant", order=ORDERS, share=SHARES, status=st.sampled_from(["none", "pending", "success", "failure"])),
    act("answer_grants", order=ORDERS, status=st.sampled_from(["success", "failure"])),
    act("bring_back", order=ORDERS, status=st.sampled_from(RETURNS)),
    act("cancel", order=ORDERS),
)
OTHERS = st.one_of(act("adjust", who=st.integers(0, 1), points=st.integers(1, 500)), act("run_jobs"), act("register"))
LIFE = st.lists(st.one_of(BUY, OF_ORDERS, OF_ORDERS, OF_ORDERS, OTHERS), min_size=4, max_size=14).map(
    lambda actions: [Action("buy", points=1500), *actions]
)


def terms(
    earned: Sequence[EarnedPointsPolicy], spent: Sequence[SpentPointsPolicy]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "redemption_form": st.sampled_from(RedemptionForm),
            "award_when": st.sampled_from(AwardWhen),
            "earned_points_policy": st.sampled_from(earned),
            "spent_points_policy": st.sampled_from(spent),
            "points_earn": st.booleans(),
            "gift_cards_earn": st.booleans(),
        }
    )


def lives(part: int) -> settings:
    thorough = settings.get_current_profile_name() == "thorough"
    return settings() if thorough else settings(max_examples=LIVES // PARTS)


def no_order_gives_more_than_was_paid(shop: Shop) -> None:
    """At a point for a unit, but for the bonuses of rules, and nothing is given back that was not spent."""
    bonuses: Counter[Any] = Counter()
    found = points_by_order()
    for order in Order.objects.filter(pk__in=shop.orders):
        earned, spent = found[order.pk]
        by_cards = max(order.undiscounted_total_gross_amount - order.total_gross_amount, D(0))
        assert earned >= 0
        assert spent >= 0
        bonuses[order.user_id or order.user_email] += max(earned - int(order.total_charged_amount + by_cards), 0)
    assert all(points <= shop.most_bonus for points in bonuses.values())


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_is_called_off_leaves_everybody_with_what_they_had(part: int) -> None:
    @lives(part)
    @seed(part)
    @given(LIFE, terms(REVERSED, GIVEN_BACK), st.booleans())
    def live(life: Sequence[Action], of_shop: Mapping[str, Any], has_rules: bool) -> None:
        with undone():
            shop = Shop(has_rules=has_rules, **of_shop)
            for action in life:
                shop.do(action)
            reconcile(full=True)
            assert_ledger_adds_up()
            no_order_gives_more_than_was_paid(shop)
            before = balances(), points_by_order()
            reconcile(full=True)
            assert (balances(), points_by_order()) == before
            shop.call_everything_off()
            reconcile(full=True)
            assert_ledger_adds_up()
            assert {user_id: points for user_id, points in balances().items() if points} == shop.given

    live()


@pytest.mark.parametrize("part", range(PARTS))
def test_hooks_that_are_lost_change_nothing(part: int) -> None:
    """But for points that an order had before it was called off, and may keep: it never got them."""

    @lives(part)
    @seed(part)
    @given(LIFE, terms(REVERSED, list(SpentPointsPolicy)))
    def live(life: Sequence[Action], of_shop: Mapping[str, Any]) -> None:
        ends = []
        for changes in ({"is_told": True}, {}, {"is_told": False}):
            with undone():
                shop = Shop(**of_shop)
                for action in life:
                    shop.do(replace(action, **changes))
                reconcile(full=True)
                points = points_by_order()
                members = {user.pk: number for number, user in enumerate(shop.members)}
                owned = {members.get(user_id): points for user_id, points in balances().items() if points}
                ends.append(([points[pk] for pk in shop.orders], owned))
        assert ends[0] == ends[1] == ends[2]

    live()
