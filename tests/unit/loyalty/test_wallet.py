"""The arithmetic of an account: sums always equal lots, and undoing a spend is exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saleor_crm_plugin.loyalty.wallet import Consumption, Lot, Wallet

START = datetime(2026, 1, 1, tzinfo=UTC)


def lot(pk: int, points: int, *, pending: bool = False, days: int | None = None) -> Lot:
    expires = None if days is None else START + timedelta(days=days)
    return Lot(pk, points, points, pending, START, expires)


def wallet(*lots: Lot) -> Wallet:
    result = Wallet()
    for each in lots:
        result.add(each)
    return result


def remaining(of: Wallet) -> dict[int, int]:
    return {pk: each.remaining for pk, each in of.lots.items()}


def test_soonest_expiry_is_spent_first_and_never_expiring_last():
    account = wallet(lot(1, 100), lot(2, 100, days=30), lot(3, 100, days=10))
    assert account.take(250) == [Consumption(3, 100), Consumption(2, 100), Consumption(1, 50)]
    assert account.balance == 50


def test_a_reversal_takes_the_orders_own_points_first_even_if_pending():
    account = wallet(lot(1, 100, days=1), lot(2, 80, pending=True))
    assert account.take(60, prefer=[2]) == [Consumption(2, 60)]
    assert (account.active, account.pending) == (100, 20)


def test_points_already_spent_become_a_deficit_that_the_next_award_pays():
    account = wallet(lot(1, 100))
    account.take(70)
    account.take(100, prefer=[1])
    assert (account.active, account.deficit, account.balance) == (0, 70, -70)
    assert account.add(lot(2, 100)) == [Consumption(2, 70)]
    assert (account.active, account.deficit, account.balance) == (30, 0, 30)


def test_a_reversal_leaves_points_alone_that_a_checkout_holds():
    account = wallet(lot(1, 100))
    account.hold(80)
    assert account.take(50, prefer=[1]) == [Consumption(1, 20)]
    assert (account.active, account.held, account.deficit) == (80, 80, 30)


def test_undoing_a_spend_gives_the_same_lots_back():
    account = wallet(lot(1, 100, days=5), lot(2, 100, days=9))
    used = account.take(150)
    back, homeless = account.give_back(150, used)
    assert homeless == 0
    assert back == [Consumption(2, -50), Consumption(1, -100)]
    assert remaining(account) == {1: 100, 2: 100}


def test_points_that_come_back_pay_what_is_owed_first():
    account = wallet(lot(1, 100))
    used = account.take(60)
    account.take(80, prefer=[1])
    assert (account.active, account.deficit) == (0, 40)
    account.give_back(60, used)
    assert (account.active, account.deficit) == (20, 0)


class WalletMachine(RuleBasedStateMachine):
    """Random lives of one account. After every step the sums equal the lots and the entries."""

    def __init__(self) -> None:
        super().__init__()
        self.wallet = Wallet()
        self.entries = 0
        self.next_pk = 1
        self.spends: list[list[Consumption]] = []

    @initialize(points=st.integers(1, 500))
    def open(self, points: int) -> None:
        self.award(points, False, None)

    @rule(points=st.integers(1, 500), pending=st.booleans(), days=st.none() | st.integers(0, 50))
    def award(self, points: int, pending: bool, days: int | None) -> None:
        self.wallet.add(lot(self.next_pk, points, pending=pending, days=days))
        self.next_pk += 1
        self.entries += points

    @rule(data=st.data(), points=st.integers(1, 800), pending_only=st.booleans())
    def reverse(self, data: st.DataObject, points: int, pending_only: bool) -> None:
        own = data.draw(st.sampled_from(sorted(self.wallet.lots)))
        self.wallet.take(points, [own], only_preferred_pending=pending_only)
        self.entries -= points

    @rule(points=st.integers(1, 800))
    def spend(self, points: int) -> None:
        used = self.wallet.take(points)
        self.spends.append(used)
        self.entries -= points

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def undo_in_two_steps(self, data: st.DataObject) -> None:
        used = self.spends.pop(data.draw(st.integers(0, len(self.spends) - 1)))
        total = sum(part.points for part in used)
        if not total:
            return
        first = data.draw(st.integers(1, total))
        before = remaining(self.wallet)
        back, homeless = self.wallet.give_back(first, used)
        given = {part.lot_id: -part.points for part in back if part.points < 0}
        left = [Consumption(p.lot_id, p.points - given.get(p.lot_id, 0)) for p in used]
        more, homeless_too = self.wallet.give_back(total - first, [p for p in left if p.points])
        assert homeless == homeless_too == 0
        returned = dict.fromkeys(before, 0)
        for part in [*back, *more]:
            if part.points < 0:
                returned[part.lot_id] -= part.points
        assert {pk: n for pk, n in returned.items() if n} == {p.lot_id: p.points for p in used}
        self.entries += total

    @precondition(lambda self: self.wallet.spendable > 0)
    @rule(data=st.data())
    def hold_and_release(self, data: st.DataObject) -> None:
        points = data.draw(st.integers(1, self.wallet.spendable))
        self.wallet.hold(points)
        if data.draw(st.booleans()):
            self.wallet.release(points)

    @rule()
    def all_waiting_is_over(self) -> None:
        for each in self.wallet.lots.values():
            if each.pending:
                self.wallet.activate(each)

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        each = self.wallet.lots[data.draw(st.sampled_from(sorted(self.wallet.lots)))]
        points = {lot.id: free for lot, free in self.wallet.unheld()}.get(each.id, 0)
        if points:
            self.entries -= self.wallet.use(each, points).points

    @invariant()
    def sums_equal_lots_and_entries(self) -> None:
        lots = self.wallet.lots.values()
        assert self.wallet.active == sum(each.remaining for each in lots if not each.pending)
        assert self.wallet.pending == sum(each.remaining for each in lots if each.pending)
        assert self.wallet.balance == self.entries
        assert self.wallet.deficit >= 0
        assert 0 <= self.wallet.held <= self.wallet.active
        assert all(0 <= each.remaining <= each.amount for each in lots)


TestWalletMachine = WalletMachine.TestCase
TestWalletMachine.settings = settings(max_examples=200, stateful_step_count=30)
