"""Random lives of two customers: whatever happens in whatever order, the ledger adds up and orders get their due.

Invariants 1 to 5 of the design. More sequences: `pytest tests/integration/loyalty/test_ledger_machine.py
--hypothesis-profile=thorough`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from math import ceil, floor
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from saleor_crm_plugin.config import EarnedPointsPolicy, Expiry, LoyaltySettings, SpentPointsPolicy
from saleor_crm_plugin.exceptions import InsufficientPointsError
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.earning import EarningLine, EarningOrder
from saleor_crm_plugin.loyalty.ledger import SYSTEM, Ledger
from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold, PointsTransaction
from saleor_crm_plugin.loyalty.orders import OrderFacts, bring_in_line
from saleor_crm_plugin.loyalty.queries import OrderPoints, order_points
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.loyalty.audit import assert_ledger_adds_up

START = datetime(2026, 1, 1, tzinfo=UTC)
RATE = D("0.7")
EARNED = st.sampled_from(EarnedPointsPolicy)
SPENT = st.sampled_from([SpentPointsPolicy.IN_PROPORTION, *SpentPointsPolicy])


@dataclass(frozen=True)
class Order:
    order_id: UUID
    profile_id: int
    cents: int
    placed_at: datetime
    terms: LoyaltySettings
    refunded: int = 0
    closed: bool = False
    code: str = ""
    spent: int = 0

    def facts(self) -> OrderFacts:
        total = D(self.cents) / 100
        return OrderFacts(
            order_id=self.order_id,
            profile_id=self.profile_id,
            is_purchase=not self.closed,
            is_closed=self.closed,
            is_imported=False,
            placed_at=self.placed_at,
            qualified_at=self.placed_at,
            channel_id=1,
            carried={self.code: None} if self.code else {},
            earning=EarningOrder(
                [EarningLine("1", "", total, total)], D(0), D(0), total, refunded_gross=D(self.refunded) / 100
            ),
            settings=self.terms,
        )

    def expected(self) -> tuple[int, int]:
        """Points earned net of reversals, and points redeemed net of returns, by plain arithmetic."""
        full = floor(RATE * self.cents / 100)
        kept = 0 if self.closed else max(self.cents - self.refunded, 0)
        earned = floor(RATE * kept / 100) if full else 0
        returned = 0
        if (self.terms.spent_points_policy != SpentPointsPolicy.KEEP and self.closed) or (
            self.terms.spent_points_policy == SpentPointsPolicy.RETURN and kept == 0
        ):
            returned = self.spent
        elif self.terms.spent_points_policy == SpentPointsPolicy.IN_PROPORTION:
            returned = self.spent - ceil(D(self.spent * kept) / self.cents)
        return earned, self.spent - returned


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = START
        self.program_id = default_program_id()
        self.profiles = [CustomerProfile.objects.create().pk for _ in range(2)]
        self.orders: list[Order] = []
        self.adjustments = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize()
    def both_have_shopped_before(self):
        terms = LoyaltySettings(points_per_unit=RATE, earn_from=START)
        self.orders = [Order(uuid4(), pk, 50_000, self.now, terms) for pk in self.profiles]
        self.sync(*self.orders)

    def sync(self, *orders: Order) -> None:
        bring_in_line([order.facts() for order in orders], self.program_id, self.now, "default")

    def update(self, position: int, **changes: object) -> None:
        self.orders[position] = replace(self.orders[position], **changes)
        self.sync(self.orders[position])

    @rule(
        data=st.data(),
        cents=st.integers(1, 100_000),
        pending_days=st.sampled_from([0, 14]),
        expiry=st.sampled_from([Expiry("never"), Expiry("months", 1)]),
        earned_policy=EARNED,
        spent_policy=SPENT,
    )
    def buys(self, data, cents, pending_days, expiry, earned_policy, spent_policy):
        terms = LoyaltySettings(
            points_per_unit=RATE,
            earn_from=START,
            pending_days=pending_days,
            expiry=expiry,
            earned_points_policy=earned_policy,
            spent_points_policy=spent_policy,
        )
        profile_id = data.draw(st.sampled_from(self.profiles))
        order = Order(uuid4(), profile_id, cents, self.now, terms)
        account = LoyaltyAccount.objects.filter(profile_id=profile_id).first()
        if account and account.spendable and data.draw(st.sampled_from([True, True, True, False])):
            points = data.draw(st.integers(1, account.spendable))
            order = replace(order, spent=points, code=self.hold(account, points))
            if data.draw(st.booleans()):
                self.time_out(order.code)
        self.orders.append(order)
        if data.draw(st.sampled_from([True, True, False])):
            self.sync(order)

    def hold(self, account: LoyaltyAccount, points: int) -> str:
        with Ledger([account.pk]) as ledger:
            ledger.wallets[account.pk].hold(points)
        hold = PointsHold.objects.create(
            account=account,
            checkout_token=uuid4(),
            points=points,
            amount=D(points),
            currency="USD",
            code=f"LP-{uuid4()}",
            created_at=self.now,
            expires_at=self.now,
        )
        return hold.code

    def time_out(self, code: str) -> None:
        hold = PointsHold.objects.get(code=code)
        with Ledger([hold.account_id]) as ledger:
            ledger.wallets[hold.account_id].release(hold.points)
        PointsHold.objects.filter(pk=hold.pk).update(status=HoldStatus.RELEASED)

    @rule(data=st.data(), cents=st.integers(1, 100_000), percents=st.lists(st.integers(1, 60), min_size=1, max_size=3))
    def spends_and_is_refunded(self, data, cents, percents):
        """The commonest tangle, so it does not wait for chance to put it together."""
        self.buys(data, cents, 0, Expiry("never"), *data.draw(st.tuples(EARNED, SPENT)))
        for percent in percents:
            self.update(-1, refunded=self.orders[-1].refunded + cents * percent // 100)

    def recent(self, data) -> int:
        """One of the last few orders: they interact with what has just happened."""
        return max(len(self.orders) - data.draw(st.integers(1, 4)), 0)

    @rule(data=st.data(), percents=st.lists(st.integers(1, 60), min_size=1, max_size=3))
    def refund(self, data, percents):
        position = self.recent(data)
        for percent in percents:
            order = self.orders[position]
            self.update(position, refunded=order.refunded + order.cents * percent // 100)

    @rule(data=st.data())
    def undo_refunds(self, data):
        self.update(self.recent(data), refunded=0)

    @rule(data=st.data())
    def cancel(self, data):
        self.update(self.recent(data), closed=True)

    @rule(data=st.data())
    def give_to_the_other_customer(self, data):
        position = self.recent(data)
        other = next(pk for pk in self.profiles if pk != self.orders[position].profile_id)
        self.update(position, profile_id=other)

    @rule()
    def reconcile_twice(self):
        self.sync(*self.orders)
        before = PointsTransaction.objects.count()
        self.sync(*reversed(self.orders))
        assert PointsTransaction.objects.count() == before

    @rule(days=st.integers(1, 40))
    def time_passes(self, days):
        self.now += timedelta(days=days)
        activate_due_lots(self.now)
        expire_due_lots(self.now)

    @rule(data=st.data(), points=st.integers(-300, 300).filter(bool))
    def staff_adjusts(self, data, points):
        account_id = data.draw(st.sampled_from(sorted(LoyaltyAccount.objects.values_list("pk", flat=True))))
        self.adjustments += 1
        key = str(self.adjustments)
        if -points <= LoyaltyAccount.objects.get(pk=account_id).spendable:
            adjust(account_id, points, "Because", SYSTEM, key)
        else:
            with pytest.raises(InsufficientPointsError):
                adjust(account_id, points, "Because", SYSTEM, key)

    @invariant()
    def the_ledger_adds_up(self):
        assert_ledger_adds_up()
        # Whoever owes points has none to spend.
        assert not LoyaltyAccount.objects.filter(deficit__gt=0, active__gt=F("held")).exists()

    @rule()
    def every_order_has_its_due(self):
        self.sync(*self.orders)
        found = order_points([order.order_id for order in self.orders], "default")
        for order in self.orders:
            points = found.get(order.order_id, OrderPoints())
            assert (points.earned, points.redeemed) == order.expected()


@pytest.mark.django_db
def test_random_lives():
    thorough = settings.get_current_profile_name() == "thorough"
    chosen = settings() if thorough else settings(max_examples=40, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(LedgerMachine, settings=chosen)
