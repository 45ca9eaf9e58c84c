"""Random lives of a person with two accounts that are merged and taken apart, beside somebody with one account who
lives the same life.

Invariant 8 of the design: merge, then unmerge, is the identity. And a merged pair of accounts is worth what the one
account is. By default 400 sequences of up to 10 steps, the same ones each time; more and longer ones, always others,
with `--hypothesis-profile=thorough`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

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
from saleor_crm_plugin.config import EarnedPointsPolicy, Expiry, LoyaltySettings
from saleor_crm_plugin.loyalty import corrections
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.merging import merge
from saleor_crm_plugin.loyalty.models import (
    AccountMerge,
    HoldStatus,
    LoyaltyAccount,
    PointsHold,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.orders import bring_in_line
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.queries import OrderPoints, order_points
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.loyalty.separating import unmerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.conftest import is_stand_in
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_ledger_machine import CENTS, RATE, SPENT, START, Order

LIVES = 200 if is_stand_in() else 40
PARTS = 4
EARNED = st.sampled_from(EarnedPointsPolicy)
SUMS = ("active", "pending", "deficit", "held", "lifetime")
LOT = ("pk", "amount", "remaining", "status", "available_at", "expires_at")


class MergingMachine(RuleBasedStateMachine):
    """`one`, `two`: the profiles of the person with two accounts; `twin`: the profile of who has one.

    While the two accounts are apart, what one cannot cover stays owed, so that no waiver tells the lives apart. Only an
    order that was placed while they were one, and goes with who leaves, forgives what was spent of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = START
        self.program_id = default_program_id()
        profiles = [CustomerProfile.objects.create().pk for _ in range(3)]
        self.one, self.two, self.twin = profiles
        self.account = ensure(self.program_id, profiles, "default")
        self.merged: AccountMerge | None = None
        # Each twice: whose it is, and the twin's.
        self.orders: list[tuple[Order, Order]] = []
        self.adjustments: list[tuple[PointsTransaction, PointsTransaction]] = []
        self.told_apart = False
        self.steps = 0

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize(
        expiry=st.sampled_from([Expiry("never"), Expiry("never"), Expiry("months", 1)]),
        pending_days=st.sampled_from([0, 14]),
        spent_policy=SPENT,
    )
    def open_shop(self, expiry, pending_days, spent_policy):
        self.expiry = expiry
        self.terms = LoyaltySettings(
            points_per_unit=RATE,
            earn_from=START,
            pending_days=pending_days,
            expiry=expiry,
            spent_points_policy=spent_policy,
            earned_points_policy=EarnedPointsPolicy.REVERSE_INTO_DEFICIT,
        )
        for profile_id in (self.one, self.two):
            self.place(profile_id, (30_000, 20_000))

    def spendable(self, profile_id: int) -> int:
        account = LoyaltyAccount.objects.get(pk=self.account[profile_id])
        while account.merged_into is not None:
            account = account.merged_into
        return account.spendable

    def owner(self, profile_id: int) -> int:
        """A claimed guest's orders are the user's."""
        return self.two if self.merged and profile_id == self.one else profile_id

    def sync(self, *orders: tuple[Order, Order]) -> None:
        mine = [replace(order, profile_id=self.owner(order.profile_id)) for order, _ in orders]
        facts = [order.facts() for order in (*mine, *(twin for _, twin in orders))]
        bring_in_line(facts, self.program_id, self.now, "default")

    def place(self, profile_id: int, cents: tuple[int, int], points: int = 0) -> None:
        order = Order(uuid4(), profile_id, cents, self.now, self.terms)
        twin = replace(order, order_id=uuid4(), profile_id=self.twin)
        if points:
            order = replace(order, spent=points, code=self.hold(self.owner(profile_id), points))
            twin = replace(twin, spent=points, code=self.hold(self.twin, points))
        self.orders.append((order, twin))
        self.sync(self.orders[-1])

    def update(self, position: int, policy: EarnedPointsPolicy, **changes: object) -> None:
        terms = replace(self.terms, earned_points_policy=policy) if self.merged else self.terms
        order, twin = self.orders[position]
        self.orders[position] = replace(order, terms=terms, **changes), replace(twin, terms=terms, **changes)
        self.sync(self.orders[position])

    def hold(self, profile_id: int, points: int) -> str:
        account_id = self.account[profile_id]
        with Ledger([account_id], now=self.now) as ledger:
            ledger.wallets[account_id].hold(points)
        return PointsHold.objects.create(
            account_id=account_id,
            checkout_token=uuid4(),
            points=points,
            requested=points,
            amount=points,
            currency="USD",
            code=f"LP-{uuid4()}",
            created_at=self.now,
            expires_at=self.now,
        ).code

    def recent(self, data) -> int:
        return max(len(self.orders) - data.draw(st.integers(1, 4)), 0)

    def whose(self, data) -> int:
        return data.draw(st.sampled_from([self.one, self.two]))

    @rule(data=st.data(), cents=CENTS, spends=st.booleans())
    def buys(self, data, cents, spends):
        profile_id = self.whose(data)
        most = min(self.spendable(profile_id), self.spendable(self.twin))
        self.place(profile_id, cents, data.draw(st.integers(1, most)) if spends and most > 0 else 0)

    @rule(data=st.data(), policy=EARNED, percents=st.lists(st.integers(1, 60), min_size=1, max_size=2))
    def refund(self, data, policy, percents):
        position = self.recent(data)
        for percent in percents:
            order, _ = self.orders[position]
            self.update(position, policy, refunded=order.refunded + order.cents * percent // 100)

    @rule(data=st.data(), policy=EARNED)
    def undo_refunds(self, data, policy):
        self.update(self.recent(data), policy, refunded=0, taken_back=Fraction(0))

    @rule(data=st.data(), policy=EARNED, share=st.sampled_from([Fraction(1, 3), Fraction(1)]))
    def goods_come_back(self, data, policy, share):
        self.update(self.recent(data), policy, taken_back=share)

    @rule(data=st.data(), policy=EARNED, line=st.integers(0, 1), cents=st.integers(1, 60_000))
    def edit_price(self, data, policy, line, cents):
        position = self.recent(data)
        lines = self.orders[position][0].lines
        self.update(position, policy, lines=(cents, lines[1]) if line == 0 else (lines[0], cents))

    @rule(data=st.data(), policy=EARNED)
    def cancel(self, data, policy):
        self.update(self.recent(data), policy, closed=True)

    @rule(data=st.data(), policy=EARNED, times=st.integers(1, 2))
    def stops_qualifying_and_qualifies_again(self, data, policy, times):
        position = self.recent(data)
        for _ in range(times):
            self.update(position, policy, qualified=False)
            self.update(position, policy, qualified=True)

    @rule(data=st.data())
    def an_old_code_turns_up(self, data):
        """A hold that timed out before a merge, on an order that came after it."""
        profile_id = self.whose(data)
        account_id = self.account[self.owner(profile_id)] if not self.merged else self.account[profile_id]
        points = data.draw(st.integers(1, 600))
        codes = []
        for owner in (account_id, self.account[self.twin]):
            hold = PointsHold.objects.create(
                account_id=owner,
                checkout_token=uuid4(),
                points=points,
                requested=points,
                amount=points,
                currency="USD",
                code=f"LP-{uuid4()}",
                status=HoldStatus.RELEASED,
                created_at=self.now,
                expires_at=self.now,
            )
            codes.append(hold.code)
        order = Order(uuid4(), profile_id, (5_000, 5_000), self.now, self.terms, code=codes[0], spent=points)
        twin = replace(order, order_id=uuid4(), profile_id=self.twin, code=codes[1])
        self.orders.append((order, twin))
        self.sync(self.orders[-1])

    def overspends(self, profile_id: int, owed: int) -> None:
        points = self.spendable(profile_id) + owed
        for account_id in (self.account[profile_id], self.account[self.twin]):
            with Ledger([account_id], now=self.now) as ledger:
                ledger.redeem(account_id, points, Source(key=f"overspent:{uuid4()}", order_id=uuid4()))

    @rule(data=st.data(), points=st.integers(-300, 300).filter(bool))
    def staff_adjusts(self, data, points):
        profile_id = self.owner(self.whose(data))
        if -points <= min(self.spendable(profile_id), self.spendable(self.twin)):
            self.adjustments.append(
                (
                    adjust(self.account[profile_id], points, "Because", SYSTEM, str(uuid4())),
                    adjust(self.account[self.twin], points, "Because", SYSTEM, str(uuid4())),
                )
            )

    @precondition(lambda self: self.adjustments)
    @rule(data=st.data())
    def void_adjustment(self, data):
        for entry in data.draw(st.sampled_from(self.adjustments)):
            corrections.void(entry.pk, "A mistake", SYSTEM, allow_deficit=True)

    @rule(data=st.data())
    def reinstate_expired(self, data):
        expired = PointsTransaction.objects.filter(type="expire", reversed_by=None).order_by("pk").first()
        if expired is not None:
            corrections.reinstate(expired.pk, "Sorry", SYSTEM)

    @rule(days=st.integers(1, 40))
    def time_passes(self, days):
        self.now += timedelta(days=days)
        activate_due_lots(self.now)
        expire_due_lots(self.now)

    @precondition(lambda self: not self.merged)
    @rule()
    def they_merge(self):
        self.sync(*self.orders)
        before = self.worth(self.one), self.worth(self.two)
        self.merged = merge(
            self.account[self.one], self.account[self.two], SYSTEM, self.now, undo_until=self.now + timedelta(days=999)
        )
        assert self.worth(self.one) == 0
        assert self.worth(self.two) == sum(before)
        entries = PointsTransaction.objects.count()
        self.sync(*self.orders)
        assert PointsTransaction.objects.count() == entries, "an order that changes hands by a merge asks for nothing"

    @precondition(lambda self: self.merged)
    @rule()
    def they_are_taken_apart(self):
        assert self.merged is not None
        unmerge(self.merged.pk, SYSTEM, self.now)
        self.merged = None
        forgiven = self.forgiven()
        self.sync(*self.orders)
        self.told_apart |= self.forgiven() > forgiven

    @precondition(lambda self: not self.merged)
    @rule(data=st.data(), who_owes=st.sampled_from(["nobody", "one", "two"]))
    def merge_then_unmerge_is_the_identity(self, data, who_owes):
        if who_owes != "nobody":
            self.overspends(getattr(self, who_owes), data.draw(st.integers(1, 200)))
        self.sync(*self.orders)
        before = self.picture()
        self.they_merge()
        assert self.merged is not None
        unmerge(self.merged.pk, SYSTEM, self.now)
        self.merged = None
        assert self.picture() == before

    @rule()
    def a_second_sync_changes_nothing(self):
        self.sync(*self.orders)
        before = PointsTransaction.objects.count()
        self.sync(*reversed(self.orders))
        assert PointsTransaction.objects.count() == before

    def picture(self) -> tuple[object, ...]:
        accounts = LoyaltyAccount.objects.filter(profile_id__in=[self.one, self.two]).order_by("pk")
        # Lots that are empty in between have no points to give back.
        lots = PointsLot.objects.filter(account__in=accounts, remaining__gt=0).order_by("pk")
        return list(accounts.values_list("closed_at", *SUMS)), list(lots.values_list(*LOT))

    def forgiven(self) -> int:
        return PointsTransaction.objects.filter(type=TransactionType.WAIVER).count()

    def worth(self, *profile_ids: int) -> int:
        return sum(account.balance for account in LoyaltyAccount.objects.filter(profile_id__in=profile_ids))

    @invariant()
    def all_is_well(self) -> None:
        """Every third step, to save time; and at the end of each life."""
        self.steps += 1
        if self.steps % 3 == 0:
            self.check()

    def check(self) -> None:
        assert_ledger_adds_up()
        assert not LoyaltyAccount.objects.filter(deficit__gt=0, active__gt=F("held")).exists()
        if self.expiry.kind == "never" and not self.told_apart:
            assert self.worth(self.one, self.two) == self.worth(self.twin)
            if self.merged:
                found = {
                    profile_id: sums for profile_id, *sums in LoyaltyAccount.objects.values_list("profile_id", *SUMS)
                }
                assert found[self.two] == found[self.twin]

    @rule()
    def every_order_has_its_due(self):
        self.sync(*self.orders)
        mine = [order for order, _ in self.orders]
        found = order_points([order.order_id for order in mine], "default")
        for order in mine:
            points = found.get(order.order_id, OrderPoints())
            earned, redeemed = order.expected()
            assert points.redeemed == redeemed
            assert points.earned == earned or (self.told_apart and points.earned < earned)


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_two_accounts_live_like_one(part):
    if settings.get_current_profile_name() == "thorough":
        run_state_machine_as_test(MergingMachine, settings=settings())
        return
    # As in the ledger's machine: parts that workers can play side by side, each with lives of its own.
    machine = seed(part)(type(f"MergingMachine{part}", (MergingMachine,), {}))
    run_state_machine_as_test(machine, settings=settings(max_examples=LIVES // PARTS, stateful_step_count=10))
