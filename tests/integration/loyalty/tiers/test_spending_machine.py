"""Random lives of two customers who buy and send back the same, of whom one spends points: their tiers are the same.

Invariant 7 of the design: spending never lowers a tier, whatever becomes of the orders and of the points.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from saleor_crm_plugin.config import EarnedPointsPolicy, Expiry, LoyaltySettings
from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.orders import bring_in_line
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.loyalty.tiers.models import TierChange
from saleor_crm_plugin.loyalty.tiers.review import review
from saleor_crm_plugin.loyalty.tiers.scheme import load_scheme
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.loyalty.test_ledger_machine import CENTS, RATE, SPENT, START, Order
from tests.integration.loyalty.tiers.ladder import make_tiers

POLICIES = st.sampled_from(
    [
        {"window_months": None, "window_days": 100, "grace_days": 10},
        {"window_months": None, "window_days": 30, "downgrade": "one_level"},
        {"window": "calendar_year"},
        {"window": "lifetime"},
    ]
)


class SpendingMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = START
        self.program_id = default_program_id()
        self.profiles = [CustomerProfile.objects.create().pk for _ in range(2)]
        self.spender, self.saver = ensure(self.program_id, self.profiles, "default").values()
        # Each twice: the spender's and the saver's.
        self.orders: list[tuple[Order, Order]] = []
        self.spent: list[tuple[Source, int]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(policy=POLICIES, entry_points=st.sampled_from([0, 50]))
    def open_shop(self, policy, entry_points):
        make_tiers(100, 300, 600, policy=policy, entry_points=entry_points)
        self.buy((30_000, 20_000), LoyaltySettings(points_per_unit=RATE, earn_from=START))

    def sync(self, pair: tuple[Order, Order]) -> None:
        bring_in_line([order.facts() for order in pair], self.program_id, self.now, "default")

    def buy(self, cents: tuple[int, int], terms: LoyaltySettings) -> None:
        first, second = (Order(uuid4(), profile_id, cents, self.now, terms) for profile_id in self.profiles)
        self.orders.append((first, second))
        self.sync(self.orders[-1])

    def update(self, data, **changes: object) -> None:
        position = data.draw(st.integers(max(len(self.orders) - 3, 0), len(self.orders) - 1))
        first, second = self.orders[position]
        self.orders[position] = replace(first, **changes), replace(second, **changes)
        self.sync(self.orders[position])

    @rule(
        cents=CENTS,
        pending_days=st.sampled_from([0, 14]),
        expiry=st.sampled_from([Expiry("never"), Expiry("months", 1)]),
        earned_policy=st.sampled_from(EarnedPointsPolicy),
        spent_policy=SPENT,
    )
    def both_buy(self, cents, pending_days, expiry, earned_policy, spent_policy):
        terms = LoyaltySettings(
            points_per_unit=RATE,
            earn_from=START,
            pending_days=pending_days,
            expiry=expiry,
            earned_points_policy=earned_policy,
            spent_points_policy=spent_policy,
        )
        self.buy(cents, terms)

    @rule(data=st.data(), share=st.integers(1, 4))
    def one_spends(self, data, share):
        points = LoyaltyAccount.objects.get(pk=self.spender).spendable * share // 4
        if points:
            source = Source(key=f"spent:{uuid4()}", order_id=uuid4())
            with Ledger([self.spender], now=self.now) as ledger:
                ledger.redeem(self.spender, points, source)
            self.spent.append((source, points))

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def and_has_points_back(self, data):
        source, points = self.spent.pop()
        with Ledger([self.spender], orders=[source.order_id], now=self.now) as ledger:
            ledger.give_back(self.spender, points, replace(source, key=f"{source.key}:back"))

    @rule(data=st.data(), percent=st.integers(1, 100))
    def both_are_refunded(self, data, percent):
        self.update(data, refunded=self.orders[-1][0].cents * percent // 100)

    @rule(data=st.data())
    def both_cancel(self, data):
        self.update(data, closed=True)

    @rule(days=st.integers(1, 60))
    def time_passes(self, days):
        self.now += timedelta(days=days)
        activate_due_lots(self.now)
        expire_due_lots(self.now)

    @invariant()
    def their_tiers_are_the_same(self):
        scheme = load_scheme(self.program_id, "default")
        if scheme is None:
            return
        review([self.spender, self.saver], scheme, net_spend, self.now, "default")
        assert self.history(self.spender) == self.history(self.saver)

    def history(self, account_id: int) -> list[tuple[object, ...]]:
        changes = TierChange.objects.filter(account_id=account_id).order_by("pk")
        return list(changes.values_list("from_tier_id", "to_tier_id", "cause", "at"))


@pytest.mark.slow
@pytest.mark.django_db
def test_who_spends_is_in_the_tier_of_who_saves():
    thorough = settings.get_current_profile_name() == "thorough"
    chosen = settings() if thorough else settings(max_examples=60, stateful_step_count=8)
    run_state_machine_as_test(SpendingMachine, settings=chosen)
