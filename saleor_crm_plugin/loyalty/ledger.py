"""The only writer of points.

A `Ledger` is one database transaction: it locks the accounts it is given, in the order of their ids so that two
ledgers cannot wait for each other, lets the caller post entries in memory, and writes all of them at the end in a
number of statements that does not depend on how many there are. An exception inside the `with` block writes nothing.

Points are signed from the customer's side. The invariants stand in `loyalty.models`; the arithmetic is in
`loyalty.wallet`, the SQL in `loyalty.storage`. A repeated idempotency key is a normal outcome: the method returns None
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from saleor_crm_plugin.exceptions import AccountClosedError, InsufficientPointsError, LedgerError
from saleor_crm_plugin.loyalty import forgiving, moving, storage
from saleor_crm_plugin.loyalty.models import (
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.posting import Posting, Source
from saleor_crm_plugin.loyalty.wallet import Consumption, Lot

WAIVED = "Already spent; not charged"
EXPIRED = "Already expired; not charged"
KEPT = "Kept before; not given again"
_LET_GO = ":expired"


def waiver_key(key: str) -> str:
    """Idempotency key of the entry that forgives what the one with `key` took and nobody had any more."""
    return f"{key}:waiver"


def is_let_go(entry: PointsTransaction) -> bool:
    """Whether an entry makes up for points that an earlier one took although they had expired."""
    return entry.type == TransactionType.WAIVER and entry.idempotency_key.endswith(_LET_GO)


class Ledger(Posting):
    """What can happen to points: a `Posting` in the words of the shop.

    Every method that posts lets a merged account pass on what it is left with.
    """

    def pass_on(self, account_id: int, cause: Source) -> None:
        """Let a merged account keep nothing: its lots, debts and lifetime points move to where it was merged into.

        Every method that posts calls it.
        """
        while (into := self.accounts[account_id].merged_into_id) is not None:
            moving.move_all(self, account_id, into, cause)
            account_id = into

    def award(
        self, account_id: int, points: int, source: Source, *, available_at: datetime, expires_at: datetime | None
    ) -> PointsTransaction | None:
        """Post an EARN of `points` (> 0) as a new lot, pending until `available_at`."""
        return self._credit(account_id, points, TransactionType.EARN, source, available_at, expires_at)

    def credit(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        *,
        available_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> PointsTransaction | None:
        """Post `points` (> 0) that no order has earned, as a new lot.

        Raises:
            AccountClosedError: the account is closed.
        """
        if source.key in self._posted_keys:
            return None
        self._check_open(self.head_of(account_id))
        return self._credit(account_id, points, kind, source, available_at or self.now, expires_at)

    def take_back(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        *,
        pending_only: bool = False,
        waive: bool = False,
    ) -> PointsTransaction | None:
        """Take `points` (> 0) of entry `source.reverses` back: from its own lot, then others, then as deficit.

        What has expired of them is gone already, and is not taken from others.

        With `pending_only`, active points are left alone. With `waive`, what becomes a deficit is forgiven, but for
        what a checkout holds: that is owed until the checkout gives it up.
        """
        own, moved = self._lots_of_entry(account_id, source.reverses)
        posted = self._take_back(account_id, points, kind, source, own, moved, pending_only, waive, 0)
        return posted[0] if posted else None

    def take_kept(self, award: PointsTransaction, kept: int, key: str) -> PointsTransaction | None:
        """Post a WAIVER of -`kept` points (> 0), that were forgiven before, and that `award` gives once more.

        Args:
            award: an entry of this ledger, of as many points or more. They come from its lot.
        """
        source = Source(key=key, order_id=award.order_id, reason=KEPT, reverses=award.pk)
        return self.take_back(award.account_id, kept, TransactionType.WAIVER, source)

    def reverse_award(
        self,
        account_id: int,
        points: int,
        source: Source,
        *,
        pending_only: bool = False,
        waive: bool = False,
        while_spent: bool = False,
        let_go: int = 0,
    ) -> list[PointsTransaction]:
        """Post an EARN_REVERSAL of `points` (> 0) for `source.order_id`: as `take_back`, from that order's own lots.

        Args:
            while_spent: what is forgiven is taken after all once what it was spent on gives it back.
            let_go: what earlier reversals of the order have let go because it had expired.

        Returns:
            The reversal, and what makes up for it; nothing if its key is there already.
        """
        assert source.order_id is not None
        own = self._lots_of_order.get((account_id, source.order_id), [])
        moved = [
            lot_id
            for each in self.path_of(account_id)
            for lot_id in self._lots_of_order.get((each, source.order_id), [])
        ]
        terms = {forgiving.WHILE_SPENT: True} if while_spent else None
        return self._take_back(
            account_id, points, TransactionType.EARN_REVERSAL, source, own, moved, pending_only, waive, let_go, terms
        )

    def expired_of(self, account_id: int, entry_id: int) -> int:
        """How many points of an entry, named at the start, have expired."""
        own, moved = self._lots_of_entry(account_id, entry_id)
        return self._expired_of({*own, *moved})

    def _lots_of_entry(self, account_id: int, entry_id: int | None) -> tuple[Collection[int], list[int]]:
        assert entry_id is not None
        own = self.wallets[account_id].lots.keys() & {self._lot_of_entry.get(entry_id)}
        return own, moving.moved_from(self, own, self.path_of(account_id)[1:])

    def _take_back(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        own: Collection[int],
        moved: Collection[int],
        pending_only: bool,
        waive: bool,
        let_go: int,
        terms: dict[str, Any] | None = None,
    ) -> list[PointsTransaction]:
        """`own`: the lots to take from first; `moved`: where their points were since, if the account was merged.

        `terms`: breakdown of what is waived.
        """
        if source.key in self._posted_keys:
            return []
        wallet, head = self.wallets[account_id], self.wallets[self.head_of(account_id)]
        left = sum(wallet.lots[lot_id].remaining for lot_id in own)
        # Points can expire on the way: in an account that was merged itself since.
        there = [lot_id for lot_id in moved if lot_id in head.lots]
        left += sum(head.lots[lot_id].remaining for lot_id in {*there} - {*own})
        gone = min(max(points - left, 0), max(self._expired_of({*own, *moved}) - let_go, 0))
        # What a checkout holds can pay as much, once it is free and has paid what was owed before.
        held = 0 if pending_only else max(head.held - head.deficit, 0)
        moving.recall(self, account_id, points - gone, there, source, only_preferred_pending=pending_only)
        before = wallet.deficit

        def take() -> list[Consumption]:
            used = wallet.take(points - gone, own, only_preferred_pending=pending_only)
            wallet.deficit += gone
            return used

        posted = [self.post(account_id, -points, kind, source, take)]
        waiver = replace(source, reverses=None, breakdown=None)
        if gone:
            expired = replace(waiver, key=f"{source.key}{_LET_GO}", reason=EXPIRED)
            posted.append(self.waive(account_id, gone, expired))
        if waive and (waived := wallet.deficit - before - held) > 0:
            spent = replace(waiver, key=waiver_key(source.key), reason=WAIVED, breakdown=terms)
            posted.append(self.waive(account_id, waived, spent))
        self.pass_on(account_id, source)
        return [entry for entry in posted if entry is not None]

    def release(self, account_id: int, points: int) -> None:
        """A checkout gives up points that it held. The only entries are of those past their time, which expire now.

        They could be put on a checkout again before the next run, and would never expire.
        """
        self.wallets[account_id].release(points)
        self.settle(account_id)
        self.expire_due([account_id])

    def settle(self, account_id: int) -> None:
        """Let points that have become free pay what the account owes. No entry: the balance does not change."""
        wallet = self.wallets[account_id]
        if wallet.deficit and wallet.spendable:
            self._load_open_lots(account_id)
            for part in wallet.settle():
                # As if the lot had paid when it came, as others do: whoever takes a merge apart looks there.
                self._record(self._lot_rows[part.lot_id].transaction_id, [part], self.now)

    def waive(self, account_id: int, points: int, source: Source) -> PointsTransaction | None:
        """Post a WAIVER: the shop forgives `points` of the account's deficit.

        Raises:
            LedgerError: the account owes less than that.
        """
        wallet = self.wallets[account_id]
        if points > wallet.deficit:
            raise LedgerError(f"Cannot waive {points} points: the account owes {wallet.deficit}.")

        def pay() -> list[Consumption]:
            wallet.pay_deficit(points)
            return []

        return self.post(account_id, points, TransactionType.WAIVER, source, pay)

    def redeem(self, account_id: int, points: int, source: Source) -> PointsTransaction | None:
        """Post a REDEEM of `points` (> 0). What the account does not have becomes a deficit."""
        wallet = self.wallets[account_id]
        moving.recall(self, account_id, points, [], source)
        entry = self.post(account_id, -points, TransactionType.REDEEM, source, lambda: wallet.take(points))
        if entry is not None and source.order_id is not None:
            outstanding = self._outstanding.setdefault((account_id, source.order_id), [])
            outstanding.extend(
                Consumption(part.lot_id, part.points)
                for part in self._batch.consumptions
                if part.transaction_id == entry.pk
            )
        self.pass_on(account_id, source)
        return entry

    def give_back(self, account_id: int, points: int, source: Source) -> list[PointsTransaction]:
        """Post a REDEEM_REVERSAL of `points` (> 0) for `source.order_id`.

        The lots that the order's redemption used get their points back, with their expiry.

        Returns:
            The reversal, and what it takes of what the order was forgiven; nothing if its key is there already.
        """
        assert source.order_id is not None
        used = self._outstanding.get((account_id, source.order_id), [])
        return self._give_back(account_id, points, TransactionType.REDEEM_REVERSAL, source, used)

    def undo_taking(
        self, account_id: int, points: int, kind: TransactionType, source: Source
    ) -> PointsTransaction | None:
        """Give the `points` (> 0) that the entry `source.reverses` took back to the lots that it took them from."""
        assert source.reverses is not None
        posted = self._give_back(account_id, points, kind, source, self._used_by_entry.get(source.reverses, []))
        return posted[0] if posted else None

    def _give_back(
        self, account_id: int, points: int, kind: TransactionType, source: Source, used: Sequence[Consumption]
    ) -> list[PointsTransaction]:
        wallet = self.wallets[account_id]
        homeless = 0
        back: list[Consumption] = []

        def give() -> list[Consumption]:
            nonlocal back, homeless
            back, homeless = wallet.give_back(points, used)
            return back

        entry = self.post(account_id, points, kind, source, give)
        if entry is None:
            return []
        if homeless:
            self.open_lot(entry, homeless, self.now, None)
        taken = forgiving.take_again(self, account_id, back, source)
        self.pass_on(account_id, source)
        return [entry, *taken]

    def expire_due(self, account_ids: Sequence[int]) -> int:
        """Post an EXPIRE for each active lot past its expiry, of what is not held; returns how many."""
        for account_id in account_ids:
            if self.wallets[account_id].spendable > 0:
                self._load_open_lots(account_id)
        due = [
            (account_id, lot, points)
            for account_id in account_ids
            for lot, points in self.wallets[account_id].unheld()
            if points and lot.expires_at is not None and lot.expires_at <= self.now
        ]
        # What is left of a lot may expire in parts: after a held part has come back, and after a redemption was
        # undone. How often the lot was used so far tells the parts apart.
        uses = storage.count_uses([lot.id for _, lot, _ in due], self._using)
        return sum(
            self._expire(account_id, lot, points, f"expire:{lot.id}:{uses.get(lot.id, 0)}")
            for account_id, lot, points in due
        )

    def _expire(self, account_id: int, lot: Lot, points: int, key: str) -> bool:
        wallet, source = self.wallets[account_id], Source(key=key, reason="Expired")
        entry = self.post(account_id, -points, TransactionType.EXPIRE, source, lambda: [wallet.use(lot, points)])
        return entry is not None

    def void_rest(self, account_id: int, lot_ids: Iterable[int], source: Source) -> PointsTransaction | None:
        """Post a VOID of what is left, and not held, of some lots; None if that is nothing.

        Args:
            lot_ids: those that the account does not have, or that are empty, are passed over.
        """
        wallet = self.wallets[account_id]
        lots = [wallet.lots[lot_id] for lot_id in lot_ids if lot_id in wallet.lots]
        active = sum(lot.remaining for lot in lots if not lot.pending)
        points = sum(lot.remaining for lot in lots if lot.pending) + min(active, wallet.spendable)
        if points <= 0:
            return None
        prefer = [lot.id for lot in lots]
        return self.post(account_id, -points, TransactionType.VOID, source, lambda: wallet.take(points, prefer))

    def adjust(
        self, account_id: int, points: int, source: Source, *, expires_at: datetime | None = None
    ) -> PointsTransaction | None:
        """Post an ADJUST by a person: a new lot if positive, else from the lots, never into a deficit.

        Raises:
            AccountClosedError: the account is closed.
            InsufficientPointsError: fewer points can be spent than are to be taken away.
        """
        if source.key in self._posted_keys:
            return None
        if points <= 0:
            return self.debit(account_id, -points, TransactionType.ADJUST, source)
        self._check_open(account_id)
        return self._credit(account_id, points, TransactionType.ADJUST, source, self.now, expires_at)

    def debit(
        self, account_id: int, points: int, kind: TransactionType, source: Source, *, prefer: Sequence[int] = ()
    ) -> PointsTransaction | None:
        """Take `points` (> 0) from the lots, never into a deficit.

        Args:
            prefer: lots of the account to take from first, in this order.

        Raises:
            AccountClosedError: the account is closed.
            InsufficientPointsError: fewer points can be spent.
        """
        if source.key in self._posted_keys:
            return None
        self._check_open(account_id)
        wallet = self.wallets[account_id]
        if points > wallet.spendable:
            raise InsufficientPointsError(requested=points, available=wallet.spendable)
        return self.post(account_id, -points, kind, source, lambda: wallet.take(points, prefer))

    def activate(self, account_id: int, lot_id: int) -> None:
        """A pending lot becomes spendable. No entry: the balance does not change."""
        wallet = self.wallets[account_id]
        lot = wallet.lots[lot_id]
        if lot.pending:
            self._record(self._lot_rows[lot_id].transaction_id, wallet.activate(lot))

    def _check_open(self, account_id: int) -> None:
        if self.accounts[account_id].closed_at is not None:
            raise AccountClosedError("The account is closed.")

    def _credit(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        available_at: datetime,
        expires_at: datetime | None,
    ) -> PointsTransaction | None:
        entry = self.post(account_id, points, kind, source, None)
        if entry is not None:
            self.open_lot(entry, points, available_at, expires_at)
            self.pass_on(account_id, source)
        return entry
