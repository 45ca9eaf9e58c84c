"""An account in memory: which lots an operation touches, and what is left. Pure; `ledger` persists what it decides.

Sign convention: a consumption is positive when it uses a lot's points and negative when it gives them back, as in
`LotConsumption`. After every method

    active + pending - deficit

has changed by exactly the points of the entry, and by nothing in `release`, `hold`, `activate` and `settle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

# For one order, and what somebody types: as many as GraphQL's Int can say. An account can have more.
MAX_POINTS: Final = 2**31 - 1


@dataclass(slots=True)
class Lot:
    """Points awarded together. `pending` lots are known but cannot be spent yet."""

    id: int
    amount: int
    remaining: int
    pending: bool
    available_at: datetime
    expires_at: datetime | None

    @property
    def spending_order(self) -> tuple[bool, float, int]:
        """Sorts soonest expiry first, never-expiring last, then oldest first."""
        return (self.expires_at is None, self.expires_at.timestamp() if self.expires_at else 0.0, self.id)


@dataclass(frozen=True, slots=True)
class Consumption:
    """`points` of a lot used up, or given back if negative."""

    lot_id: int
    points: int


@dataclass(slots=True)
class Wallet:
    """The sums of an account and those of its lots that an operation may need."""

    active: int = 0
    pending: int = 0
    deficit: int = 0
    held: int = 0
    lifetime: int = 0
    lots: dict[int, Lot] = field(default_factory=dict)

    @property
    def balance(self) -> int:
        return self.active + self.pending - self.deficit

    @property
    def spendable(self) -> int:
        return self.active - self.held

    def add(self, lot: Lot) -> list[Consumption]:
        """Take a new lot in. Active points pay a deficit first."""
        self.lots[lot.id] = lot
        if lot.pending:
            self.pending += lot.remaining
            return []
        self.active += lot.remaining
        return self.settle()

    def take(
        self, points: int, prefer: Iterable[int] = (), *, only_preferred_pending: bool = False
    ) -> list[Consumption]:
        """Take `points` away: from the preferred lots (pending ones too), then in spending order, then as deficit.

        Points held by a checkout are left alone. With `only_preferred_pending` nothing but the pending part of the
        preferred lots is used, and the rest becomes deficit.
        """
        used = self.would_take(points, prefer, only_preferred_pending=only_preferred_pending)
        for part in used:
            self.use(self.lots[part.lot_id], part.points)
        self.deficit += points - sum(part.points for part in used)
        return used

    def would_take(
        self, points: int, prefer: Iterable[int] = (), *, only_preferred_pending: bool = False
    ) -> list[Consumption]:
        """What `take` would use, without using it."""
        preferred = [self.lots[lot_id] for lot_id in prefer]
        rest = sorted((lot for lot in self.lots.values() if not lot.pending), key=lambda lot: lot.spending_order)
        active = [] if only_preferred_pending else [lot for lot in preferred if not lot.pending] + rest
        left, spendable, used = points, self.spendable, dict[int, int]()
        for lot in [lot for lot in preferred if lot.pending] + active:
            most = left if lot.pending else min(left, spendable)
            amount = min(most, lot.remaining - used.get(lot.id, 0))
            if amount > 0:
                used[lot.id] = used.get(lot.id, 0) + amount
                left -= amount
                spendable -= 0 if lot.pending else amount
        return [Consumption(lot_id, amount) for lot_id, amount in used.items()]

    def use(self, lot: Lot, points: int) -> Consumption:
        """Use up `points` of a lot that has them."""
        used: list[Consumption] = []
        self._use(lot, points, used)
        return used[0]

    def put_back(self, lot: Lot, points: int, *, pending: bool) -> Consumption:
        """Points that had moved to another account return to their lot, which is then as they are: pending or not."""
        if lot.remaining == 0:
            lot.pending = pending
        lot.remaining += points
        if lot.pending:
            self.pending += points
        else:
            self.active += points
        return Consumption(lot.id, -points)

    def owe_again(self, paid: Iterable[Consumption]) -> list[Consumption]:
        """Undo what lots paid of a deficit. The balance does not change."""
        back = []
        for part in paid:
            back.append(self.put_back(self.lots[part.lot_id], part.points, pending=False))
            self.deficit += part.points
        return back

    def give_back(self, points: int, consumed: Iterable[Consumption]) -> tuple[list[Consumption], int]:
        """Undo up to `points` of a former `take`, last use first.

        Args:
            points: how many come back.
            consumed: what that `take` used and earlier calls have not yet given back, in the order of use.

        Returns:
            The consumptions (negative), and the points for which no lot is left to go back to (what was taken as a
            deficit that has been paid since): the caller puts these into a new lot.
        """
        left = points
        back: list[Consumption] = []
        for part in reversed(list(consumed)):
            amount = min(part.points, left)
            if amount <= 0:
                continue
            lot = self.lots[part.lot_id]
            lot.remaining += amount
            if lot.pending:
                self.pending += amount
            else:
                self.active += amount
            back.append(Consumption(lot.id, -amount))
            left -= amount
        left -= self.pay_deficit(left)
        return back + self.settle(), left

    def pay_deficit(self, points: int) -> int:
        """Cancel up to `points` of deficit without using a lot; returns how many were cancelled."""
        paid = min(points, self.deficit)
        self.deficit -= paid
        return paid

    def settle(self) -> list[Consumption]:
        """Let spendable points pay the deficit. The balance does not change."""
        used: list[Consumption] = []
        if self.deficit and self.spendable:
            for lot in sorted(
                (lot for lot in self.lots.values() if not lot.pending), key=lambda lot: lot.spending_order
            ):
                self.deficit -= self._use(lot, min(self.deficit, self.spendable), used)
        return used

    def activate(self, lot: Lot) -> list[Consumption]:
        """A pending lot's waiting time is over."""
        lot.pending = False
        self.pending -= lot.remaining
        self.active += lot.remaining
        return self.settle()

    def unheld(self) -> list[tuple[Lot, int]]:
        """Active lots in spending order, each with how many of its points no checkout holds.

        What is held is what would be spent first. All open lots that would be spent before the last one asked for have
        to be here.
        """
        found, held = [], self.held
        for lot in sorted((lot for lot in self.lots.values() if not lot.pending), key=lambda lot: lot.spending_order):
            kept = min(lot.remaining, held)
            held -= kept
            found.append((lot, lot.remaining - kept))
        return found

    def hold(self, points: int) -> None:
        self.held += points

    def release(self, points: int) -> None:
        self.held -= points

    def _use(self, lot: Lot, points: int, used: list[Consumption]) -> int:
        amount = max(min(points, lot.remaining), 0)
        if amount:
            lot.remaining -= amount
            if lot.pending:
                self.pending -= amount
            else:
                self.active -= amount
            used.append(Consumption(lot.id, amount))
        return amount
