"""Random lives of two customers: whatever happens in whatever order, the ledger adds up and orders get their due.

Invariants 1 to 5 and 9 of the design, with earning rules made, edited and switched off meanwhile. Merges (8) have a
machine of their own, test_merging_machine.py, and so have tiers (7), tiers/test_spending_machine.py; previews (6) are
played in tests/graphql/loyalty/test_preview_is_award.py.

By default 2,000 sequences of up to 8 steps, the same ones each time; as many of up to 40 steps in each part, always
other ones, with `pytest tests/integration/loyalty/test_ledger_machine.py --hypothesis-profile=thorough`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from fractions import Fraction
from math import ceil, floor
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.config import EarnedPointsPolicy, Expiry, LoyaltySettings, SpentPointsPolicy
from saleor_crm_plugin.exceptions import InsufficientPointsError
from saleor_crm_plugin.loyalty import awards, corrections, earning
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder, EarningTerms
from saleor_crm_plugin.loyalty.ledger import Ledger, is_let_go
from saleor_crm_plugin.loyalty.models import (
    HoldStatus,
    LoyaltyAccount,
    PointsHold,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.orders import OrderFacts, bring_in_line
from saleor_crm_plugin.loyalty.queries import OrderPoints, order_points
from saleor_crm_plugin.loyalty.rules import storage
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.conftest import is_stand_in
from tests.integration.loyalty.audit import assert_ledger_adds_up

# Nothing in them is Saleor's: in a shop a few say that they run there.
LIVES = 600 if is_stand_in() else 40
PARTS = 4
START = datetime(2026, 1, 1, tzinfo=UTC)
RATE = D("0.7")
GIVEN = (TransactionType.EARN, TransactionType.EARN_REVERSAL, TransactionType.WAIVER)
CENTS = st.tuples(st.integers(1, 50_000), st.integers(1, 50_000))
EARNED = st.sampled_from(EarnedPointsPolicy)
SPENT = st.sampled_from([SpentPointsPolicy.IN_PROPORTION, *SpentPointsPolicy])
EFFECTS = st.sampled_from(
    [
        (Effect.POINTS_PER_AMOUNT, D("0.3")),
        (Effect.POINTS_PER_AMOUNT, D(2)),
        (Effect.FIXED_POINTS, D(7)),
        (Effect.FIXED_POINTS, D(250)),
        (Effect.MULTIPLIER, D("1.5")),
        (Effect.MULTIPLIER, D(3)),
    ]
)
DEFINITIONS = st.builds(
    lambda effect, most, products, priority, stackable: RuleDefinition(
        Trigger.ORDER,
        *effect,
        conditions=Conditions(product_ids=products),
        limits=Limits(points_per_order=most),
        priority=priority,
        stackable=stackable,
    ),
    EFFECTS,
    st.sampled_from([None, None, 1, 40]),
    st.sampled_from([frozenset(), frozenset({1}), frozenset({2})]),
    st.integers(0, 2),
    st.booleans(),
)


@dataclass(frozen=True)
class Order:
    order_id: UUID
    profile_id: int
    lines: tuple[int, int]
    placed_at: datetime
    terms: LoyaltySettings
    refunded: int = 0
    closed: bool = False
    code: str = ""
    spent: int = 0
    taken_back: Fraction = Fraction(0)
    qualified: bool = True

    @property
    def cents(self) -> int:
        return sum(self.lines)

    def earning_order(self) -> EarningOrder:
        """The first of its two lines has come back by `taken_back`."""
        lines = [
            EarningLine(str(i), "", D(cents) / 100, D(cents) / 100, product_id=i, taken_back=back)
            for i, cents, back in zip((1, 2), self.lines, (self.taken_back, Fraction(0)), strict=True)
        ]
        return EarningOrder(lines, D(0), D(0), D(self.cents) / 100, refunded_gross=D(self.refunded) / 100)

    def facts(self) -> OrderFacts:
        return OrderFacts(
            order_id=self.order_id,
            profile_id=self.profile_id,
            is_purchase=not self.closed,
            is_closed=self.closed,
            is_imported=False,
            placed_at=self.placed_at,
            paid_at=self.placed_at if self.qualified else None,
            fulfilled_at=None,
            channel_id=1,
            carried={self.code: D(self.spent)} if self.code else {},
            earning=self.earning_order(),
            settings=self.terms,
        )

    def expected(self) -> tuple[int, int]:
        """Points earned without rules net of reversals, and redeemed net of returns, by plain arithmetic."""
        gone = max(self.refunded, self.lines[0] * self.taken_back)
        kept = Fraction(0) if self.closed else max(Fraction(self.cents - gone), Fraction(0))
        earned = floor(Fraction(RATE) * kept / 100) if self.qualified else 0
        returned = 0
        if (self.terms.spent_points_policy != SpentPointsPolicy.KEEP and self.closed) or (
            self.terms.spent_points_policy == SpentPointsPolicy.RETURN and kept == 0
        ):
            returned = self.spent
        elif self.terms.spent_points_policy == SpentPointsPolicy.IN_PROPORTION:
            returned = self.spent - ceil(self.spent * kept / self.cents)
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
        self.adjustments: list[PointsTransaction] = []
        self.rule_ids: list[int] = []
        # What the lines of each order have come to whenever it was looked at.
        self.prices: dict[UUID, set[tuple[int, int]]] = {}
        self.steps = 0

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize()
    def both_have_shopped_before(self):
        terms = LoyaltySettings(points_per_unit=RATE, earn_from=START)
        self.orders = [Order(uuid4(), pk, (30_000, 20_000), self.now, terms) for pk in self.profiles]
        self.sync(*self.orders)

    def sync(self, *orders: Order) -> None:
        bring_in_line([order.facts() for order in orders], self.program_id, self.now, "default")
        for order in orders:
            self.prices.setdefault(order.order_id, set()).add(order.lines)

    def update(self, position: int, **changes: object) -> None:
        self.orders[position] = replace(self.orders[position], **changes)
        self.sync(self.orders[position])

    @rule(
        data=st.data(),
        cents=CENTS,
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
            requested=points,
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

    @rule(data=st.data(), cents=CENTS, percents=st.lists(st.integers(1, 60), min_size=1, max_size=3))
    def spends_and_is_refunded(self, data, cents, percents):
        """The commonest tangle, so it does not wait for chance to put it together."""
        self.buys(data, cents, 0, Expiry("never"), *data.draw(st.tuples(EARNED, SPENT)))
        for percent in percents:
            self.update(-1, refunded=self.orders[-1].refunded + sum(cents) * percent // 100)

    @rule(data=st.data(), cents=CENTS, late=st.booleans())
    def redeems_and_cancels(self, data, cents, late):
        """The same lots with the same expiry are back, also if the code outlived its hold."""
        spender = LoyaltyAccount.objects.filter(active__gt=F("held")).order_by("pk").first()
        if spender is None:
            return
        before = self.lots_of(spender)
        points = data.draw(st.integers(1, spender.spendable))
        terms = LoyaltySettings(points_per_unit=RATE, earn_from=START)
        order = Order(
            uuid4(), spender.profile_id, cents, self.now, terms, code=self.hold(spender, points), spent=points
        )
        if late:
            self.time_out(order.code)
        self.orders.append(order)
        self.sync(order)
        self.update(-1, closed=True)
        assert self.lots_of(spender) == before

    def lots_of(self, account: LoyaltyAccount) -> list[tuple[object, ...]]:
        """Those with points: others have come and gone with the order."""
        lots = PointsLot.objects.filter(account=account, remaining__gt=0).order_by("pk")
        return list(lots.values_list("pk", "remaining", "status", "available_at", "expires_at"))

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
        self.update(self.recent(data), refunded=0, taken_back=Fraction(0))

    @rule(data=st.data(), share=st.sampled_from([Fraction(1, 3), Fraction(1, 2), Fraction(1)]))
    def goods_come_back(self, data, share):
        self.update(self.recent(data), taken_back=share)

    @rule(data=st.data(), line=st.integers(0, 1), cents=st.integers(1, 60_000))
    def edit_price(self, data, line, cents):
        position = self.recent(data)
        lines = self.orders[position].lines
        self.update(position, lines=(cents, lines[1]) if line == 0 else (lines[0], cents))

    @rule(definition=DEFINITIONS, status=st.sampled_from([RuleStatus.LIVE, RuleStatus.LIVE, RuleStatus.DRY_RUN]))
    def make_rule(self, definition, status):
        self.rule_ids.append(create_rule(self.program_id, "Rule", status, definition, SYSTEM).pk)

    @precondition(lambda self: self.rule_ids)
    @rule(data=st.data(), definition=DEFINITIONS, status=st.sampled_from([None, RuleStatus.LIVE, RuleStatus.OFF]))
    def edit_rule(self, data, definition, status):
        """No entry changes, and no order that has its award gets another."""
        self.sync(*self.orders)
        before = list(PointsTransaction.objects.order_by("pk").values())
        awarded = {entry["order_id"] for entry in before if entry["type"] == TransactionType.EARN}
        rule_id = data.draw(st.sampled_from(self.rule_ids))
        update_rule(rule_id, SYSTEM, status=status, change=lambda _: definition)
        self.sync(*self.orders)
        after = list(PointsTransaction.objects.order_by("pk").values())
        assert after[: len(before)] == before
        assert awarded.isdisjoint(entry["order_id"] for entry in after[len(before) :])

    @rule(data=st.data())
    def cancel(self, data):
        self.update(self.recent(data), closed=True)

    @rule(data=st.data(), times=st.integers(1, 3))
    def stops_qualifying_and_qualifies_again(self, data, times):
        position = self.recent(data)
        for _ in range(times):
            self.update(position, qualified=False)
            self.update(position, qualified=True)

    @rule(data=st.data())
    def stops_qualifying(self, data):
        self.update(self.recent(data), qualified=False)

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
        key = str(uuid4())
        if -points <= LoyaltyAccount.objects.get(pk=account_id).spendable:
            self.adjustments.append(adjust(account_id, points, "Because", SYSTEM, key))
        else:
            with pytest.raises(InsufficientPointsError):
                adjust(account_id, points, "Because", SYSTEM, key)

    @precondition(lambda self: self.adjustments)
    @rule(data=st.data())
    def void_adjustment(self, data):
        entry = data.draw(st.sampled_from(self.adjustments))
        done = corrections.void(entry.pk, "A mistake", SYSTEM, allow_deficit=True)
        assert done.points == -entry.points
        assert corrections.void(entry.pk, "A mistake", SYSTEM, allow_deficit=True).pk == done.pk

    @invariant()
    def all_is_well(self):
        """Every third step, to save time; and at the end of each life."""
        self.steps += 1
        if self.steps % 3 == 0:
            self.check()

    def check(self) -> None:
        self.the_ledger_adds_up()
        self.no_order_earns_more_than_it_is_worth()
        self.no_order_gives_more_than_it_ever_was_worth()

    def the_ledger_adds_up(self) -> None:
        assert_ledger_adds_up()
        # Whoever owes points has none to spend.
        assert not LoyaltyAccount.objects.filter(deficit__gt=0, active__gt=F("held")).exists()

    def terms_of_awards(self) -> dict[UUID, EarningTerms]:
        """The terms of the first award of each order that has one."""
        rows = PointsTransaction.objects.filter(order_id__isnull=False, type=TransactionType.EARN).order_by("-pk")
        first = dict(rows.values_list("order_id", "breakdown"))
        versions = {pair for breakdown in first.values() for pair in awards.versions_in(breakdown)}
        known = storage.definitions(versions, "default")
        return {key: awards.terms_from_breakdown(breakdown, known) for key, breakdown in first.items()}

    def no_order_earns_more_than_it_is_worth(self) -> None:
        found = order_points([order.order_id for order in self.orders], "default")
        terms_of = self.terms_of_awards()
        for order in self.orders:
            earned = found.get(order.order_id, OrderPoints()).earned
            terms, most = terms_of.get(order.order_id), 0
            if terms is not None:
                most = earning.award(earning.before_refunds(order.earning_order()), terms).points
            assert 0 <= earned <= most

    def no_order_gives_more_than_it_ever_was_worth(self) -> None:
        """Counting what was forgiven, and all customers that it belonged to."""
        given = self.given(lambda entry: not is_let_go(entry))
        terms_of = self.terms_of_awards()
        for order in self.orders:
            if (terms := terms_of.get(order.order_id)) is not None:
                seen = [replace(order, lines=lines) for lines in self.prices[order.order_id]]
                most = max(earning.award(earning.before_refunds(each.earning_order()), terms).points for each in seen)
                assert 0 <= sum(given[order.order_id].values()) <= most

    def given(self, counts: Callable[[PointsTransaction], bool] = lambda _: True) -> dict[UUID, Counter[int]]:
        """What each customer has of each order: by order and profile."""
        found: dict[UUID, Counter[int]] = {order.order_id: Counter() for order in self.orders}
        for entry in PointsTransaction.objects.filter(type__in=GIVEN, order_id__in=found).select_related("account"):
            if counts(entry):
                found[entry.order_id][entry.account.profile_id] += entry.points
        return found

    @rule()
    def every_order_has_its_due(self):
        self.sync(*self.orders)
        found = order_points([order.order_id for order in self.orders], "default")
        terms_of, given = self.terms_of_awards(), self.given()
        for order in self.orders:
            points = found.get(order.order_id, OrderPoints())
            earned, redeemed = order.expected()
            terms = terms_of.get(order.order_id)
            if terms is not None and terms.rules:
                is_owed = order.qualified and not order.closed
                earned = earning.award(order.earning_order(), terms).points if is_owed else 0
            # What the other one has had of it and spent is not given again.
            kept = given[order.order_id].total() - given[order.order_id][order.profile_id]
            assert (points.earned, points.redeemed) == (max(earned - kept, 0), redeemed)


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_random_lives(part):
    if settings.get_current_profile_name() == "thorough":
        run_state_machine_as_test(LedgerMachine, settings=settings())
        return
    # Parts that two workers can play side by side. In CI Hypothesis would give each the same lives, hence the seeds.
    machine = seed(part)(type(f"LedgerMachine{part}", (LedgerMachine,), {}))
    run_state_machine_as_test(machine, settings=settings(max_examples=LIVES // PARTS, stateful_step_count=8))
