"""The only writer of points.

A `Ledger` is one database transaction: it locks the accounts it is given, in the order of their ids so that two
ledgers cannot wait for each other, lets the caller post entries in memory, and writes all of them at the end in a
number of statements that does not depend on how many there are. An exception inside the `with` block writes nothing.

Points are signed from the customer's side. The invariants stand in `loyalty.models`; the arithmetic is in
`loyalty.wallet`, the SQL in `loyalty.storage`. A repeated idempotency key is a normal outcome: the method returns None
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.exceptions import AccountClosedError, InsufficientPointsError, LedgerError
from saleor_crm_plugin.loyalty import moving, storage
from saleor_crm_plugin.loyalty.models import (
    EARNINGS,
    LotConsumption,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.wallet import Consumption, Lot, Wallet

# A PostgreSQL bigint could hold more; GraphQL's Int cannot, and no shop needs it.
MAX_POINTS = 2**31 - 1

# Rows get their primary keys when they are written. Until then they have numbers that sort after every real one, since
# lots that expire together are spent oldest first.
PROVISIONAL_ID = 2**62

WAIVED = "Already spent; not charged"


@dataclass(frozen=True, slots=True)
class Source:
    """Why an entry exists.

    Attributes:
        key: idempotency key, unique over the whole ledger.
        reverses: primary key of the entry that this one corrects.
        at: when it happened, for entries that come from elsewhere; None: now.
        earned_at: from when points earned count towards a tier; None: from now on.
    """

    key: str
    order_id: UUID | None = None
    reason: str = ""
    actor: Actor = SYSTEM
    breakdown: dict[str, Any] | None = None
    reverses: int | None = None
    at: datetime | None = None
    earned_at: datetime | None = None


class Ledger:
    """A unit of work over some accounts.

    Args:
        account_ids: accounts to lock, with those that they were merged into. Others cannot be touched.
        lots_of: which of them need their open lots (default: all); the rest can only receive new lots.
        orders: orders whose awards may be reversed or whose redemptions may be given back.
        entries: primary keys of entries that may be undone: the lots that they opened, and those that they used.
        keys: idempotency keys that may have been used before. Keys that the caller derives from what it has read
            under a lock need not be named; the unique constraint watches over all.

    Raises:
        LedgerError: an account does not exist.
    """

    def __init__(
        self,
        account_ids: Iterable[int],
        *,
        lots_of: Iterable[int] | None = None,
        orders: Iterable[UUID] = (),
        entries: Iterable[int] = (),
        keys: Iterable[str] = (),
        now: datetime | None = None,
        using: str = "default",
    ) -> None:
        self.now = now or timezone.now()
        self.accounts: dict[int, LoyaltyAccount] = {}
        self.wallets: dict[int, Wallet] = {}
        self._using = using
        self._account_ids = sorted(set(account_ids))
        self._lots_of = self._account_ids if lots_of is None else sorted(set(lots_of))
        self._orders = sorted(set(orders))
        self._entries = sorted(set(entries))
        self._asked_keys = sorted(set(keys))
        self._posted_keys: set[str] = set()
        self._lots_of_order: dict[tuple[int, UUID], list[int]] = {}
        self._lot_of_entry: dict[int, int] = {}
        self._used_by_entry: dict[int, list[Consumption]] = {}
        self._outstanding: dict[tuple[int, UUID], list[Consumption]] = {}
        self._order_of_lot: dict[int, UUID | None] = {}
        self._moves: dict[str, int] = {}
        self._lot_rows: dict[int, PointsLot] = {}
        self._batch = storage.Batch()
        self._provisional = PROVISIONAL_ID
        self._atomic = transaction.atomic(using=using)

    def __enter__(self) -> Self:
        self._atomic.__enter__()
        try:
            self._load()
        except BaseException as error:
            self._atomic.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                storage.write(self._batch, self.accounts, self.wallets, self._lot_rows, self.now, self._using)
            except BaseException as failed:
                self._atomic.__exit__(type(failed), failed, failed.__traceback__)
                raise
        self._atomic.__exit__(kind, error, trace)

    def has_posted(self, key: str) -> bool:
        """Whether an entry with this key exists; for keys named at the start."""
        return key in self._posted_keys

    def head_of(self, account_id: int) -> int:
        """The account that has this one's points now: itself, or the one that it was merged into in the end."""
        while (into := self.accounts[account_id].merged_into_id) is not None:
            account_id = into
        return account_id

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

        With `pending_only`, active points are left alone. With `waive`, what becomes a deficit is forgiven.
        """
        assert source.reverses is not None
        own = self.wallets[account_id].lots.keys() & {self._lot_of_entry.get(source.reverses)}
        moved = moving.moved_from(self, own, self.head_of(account_id))
        return self._take_back(account_id, points, kind, source, own, moved, pending_only, waive)

    def reverse_award(
        self, account_id: int, points: int, source: Source, *, pending_only: bool = False, waive: bool = False
    ) -> PointsTransaction | None:
        """Post an EARN_REVERSAL of `points` (> 0) for `source.order_id`: as `take_back`, from that order's own lots."""
        assert source.order_id is not None
        own = self._lots_of_order.get((account_id, source.order_id), [])
        moved = self._lots_of_order.get((self.head_of(account_id), source.order_id), [])
        return self._take_back(
            account_id, points, TransactionType.EARN_REVERSAL, source, own, moved, pending_only, waive
        )

    def _take_back(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        own: Collection[int],
        moved: Iterable[int],
        pending_only: bool,
        waive: bool,
    ) -> PointsTransaction | None:
        """`own`: the lots to take from first; `moved`: where their points are now, if the account was merged."""
        if source.key in self._posted_keys:
            return None
        moving.recall(self, account_id, points, moved, source, only_preferred_pending=pending_only)
        wallet = self.wallets[account_id]
        before = wallet.deficit
        entry = self._post(
            account_id, -points, kind, source, lambda: wallet.take(points, own, only_preferred_pending=pending_only)
        )
        if waive and wallet.deficit > before:
            waiver = replace(source, key=f"{source.key}:waiver", reason=WAIVED, reverses=None, breakdown=None)
            self.waive(account_id, wallet.deficit - before, waiver)
        self.pass_on(account_id, source)
        return entry

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

        return self._post(account_id, points, TransactionType.WAIVER, source, pay)

    def redeem(self, account_id: int, points: int, source: Source) -> PointsTransaction | None:
        """Post a REDEEM of `points` (> 0). What the account does not have becomes a deficit."""
        wallet = self.wallets[account_id]
        moving.recall(self, account_id, points, [], source)
        entry = self._post(account_id, -points, TransactionType.REDEEM, source, lambda: wallet.take(points))
        if entry is not None and source.order_id is not None:
            outstanding = self._outstanding.setdefault((account_id, source.order_id), [])
            outstanding.extend(
                Consumption(part.lot_id, part.points)
                for part in self._batch.consumptions
                if part.transaction_id == entry.pk
            )
        self.pass_on(account_id, source)
        return entry

    def give_back(self, account_id: int, points: int, source: Source) -> PointsTransaction | None:
        """Post a REDEEM_REVERSAL of `points` (> 0) for `source.order_id`.

        The lots that the order's redemption used get their points back, with their expiry.
        """
        assert source.order_id is not None
        used = self._outstanding.get((account_id, source.order_id), [])
        return self._give_back(account_id, points, TransactionType.REDEEM_REVERSAL, source, used)

    def undo_taking(
        self, account_id: int, points: int, kind: TransactionType, source: Source
    ) -> PointsTransaction | None:
        """Give the `points` (> 0) that the entry `source.reverses` took back to the lots that it took them from."""
        assert source.reverses is not None
        return self._give_back(account_id, points, kind, source, self._used_by_entry.get(source.reverses, []))

    def _give_back(
        self, account_id: int, points: int, kind: TransactionType, source: Source, used: Sequence[Consumption]
    ) -> PointsTransaction | None:
        wallet = self.wallets[account_id]
        homeless = 0

        def give() -> list[Consumption]:
            nonlocal homeless
            back, homeless = wallet.give_back(points, used)
            return back

        entry = self._post(account_id, points, kind, source, give)
        if entry is not None and homeless:
            self._open_lot(entry, homeless, self.now, None)
        self.pass_on(account_id, source)
        return entry

    def expire(self, account_id: int, lot_id: int, source: Source) -> PointsTransaction | None:
        """Post an EXPIRE of what is left of a lot and not held; None if that is nothing."""
        wallet = self.wallets[account_id]
        lot = wallet.lots[lot_id]
        points = min(lot.remaining, wallet.spendable)
        if lot.pending or points <= 0:
            return None
        return self._post(account_id, -points, TransactionType.EXPIRE, source, lambda: wallet.expire(lot))

    def void_rest(self, account_id: int, source: Source) -> PointsTransaction | None:
        """Post a VOID of what is left, and not held, of the lot of entry `source.reverses`; None if that is nothing."""
        assert source.reverses is not None
        wallet = self.wallets[account_id]
        lot = wallet.lots.get(self._lot_of_entry.get(source.reverses, 0))
        points = 0 if lot is None else lot.remaining if lot.pending else min(lot.remaining, wallet.spendable)
        if lot is None or points <= 0:
            return None
        return self._post(account_id, -points, TransactionType.VOID, source, lambda: [wallet.use(lot, points)])

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

    def debit(self, account_id: int, points: int, kind: TransactionType, source: Source) -> PointsTransaction | None:
        """Take `points` (> 0) from the lots, never into a deficit.

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
        return self._post(account_id, -points, kind, source, lambda: wallet.take(points))

    def activate(self, account_id: int, lot_id: int) -> None:
        """A pending lot becomes spendable. No entry: the balance does not change."""
        wallet = self.wallets[account_id]
        lot = wallet.lots[lot_id]
        if lot.pending:
            self._record(self._lot_rows[lot_id].transaction_id, wallet.activate(lot))

    def used_by(self, entry_id: int) -> Sequence[Consumption]:
        """What an entry took from which lots; for entries named at the start."""
        return self._used_by_entry.get(entry_id, [])

    def record(self, entry: PointsTransaction, used: Iterable[Consumption]) -> None:
        """Put down that an entry of this ledger has used these points of lots, which the wallet knows already."""
        self._record(entry.pk, used)

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
        entry = self._post(account_id, points, kind, source, None)
        if entry is not None:
            self._open_lot(entry, points, available_at, expires_at)
            self.pass_on(account_id, source)
        return entry

    def _open_lot(
        self,
        entry: PointsTransaction,
        points: int,
        available_at: datetime,
        expires_at: datetime | None,
        *,
        origin: Lot | None = None,
    ) -> Lot:
        wallet = self.wallets[entry.account_id]
        pending = available_at > self.now if origin is None else origin.pending
        lot = Lot(self._next_id(), points, points, pending, available_at, expires_at)
        row = PointsLot(
            pk=lot.id,
            account_id=entry.account_id,
            transaction_id=entry.pk,
            amount=points,
            available_at=available_at,
            expires_at=expires_at,
            origin_id=origin.id if origin else None,
        )
        self._lot_rows[lot.id] = row
        self._order_of_lot[lot.id] = entry.order_id
        self._batch.lots.append(row)
        self._lot_of_entry[entry.pk] = lot.id
        if entry.order_id is not None:
            self._lots_of_order.setdefault((entry.account_id, entry.order_id), []).append(lot.id)
        self._record(entry.pk, wallet.add(lot))
        entry.balance_after = wallet.balance
        return lot

    def _post(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        move: Callable[[], list[Consumption]] | None,
    ) -> PointsTransaction | None:
        if not 0 < abs(points) <= MAX_POINTS:
            raise LedgerError(f"An entry moves between 1 and {MAX_POINTS} points, not {abs(points)}.")
        if source.key in self._posted_keys:
            return None
        self._posted_keys.add(source.key)
        wallet = self.wallets[account_id]
        used = move() if move else []
        entry = PointsTransaction(
            pk=self._next_id(),
            account_id=account_id,
            type=kind,
            points=points,
            balance_after=wallet.balance,
            idempotency_key=source.key,
            reverses_id=source.reverses,
            order_id=source.order_id,
            actor_type=source.actor.type,
            actor_id=source.actor.id,
            reason=source.reason,
            breakdown=source.breakdown or {},
            created_at=source.at or self.now,
            earned_at=(source.earned_at or self.now) if kind in EARNINGS else None,
        )
        if kind in EARNINGS:
            wallet.lifetime += points
        self._batch.entries.append(entry)
        self._record(entry.pk, used)
        return entry

    def _record(self, transaction_id: int, used: Iterable[Consumption]) -> None:
        self._batch.consumptions.extend(
            LotConsumption(transaction_id=transaction_id, lot_id=part.lot_id, points=part.points) for part in used
        )

    def _next_id(self) -> int:
        self._provisional += 1
        return self._provisional

    def _load(self) -> None:
        self.accounts = storage.lock_accounts(self._account_ids, self._using)
        if missing := set(self._account_ids) - self.accounts.keys():
            raise LedgerError(f"There is no loyalty account with id {min(missing)}.")
        # What becomes of a merged account's past takes lots of the account that has its points now.
        merged_into = {account.merged_into_id for account in self.accounts.values()} - {None}
        self._lots_of = sorted({*self._lots_of, *(pk for pk in self.accounts if pk in merged_into)})
        self.wallets = {pk: storage.wallet_of(account) for pk, account in self.accounts.items()}
        if self._asked_keys:
            self._posted_keys = storage.posted_keys(self._asked_keys, self._using)
        if self._orders:
            self._outstanding = storage.outstanding_redemptions(self._orders, self._using)
        if self._entries:
            self._used_by_entry = storage.used_by(self._entries, self._using)
        used = [part.lot_id for parts in [*self._outstanding.values(), *self._used_by_entry.values()] for part in parts]
        if not (self._lots_of or self._orders or self._entries or used):
            return
        self._take_in(storage.read_lots(self._lots_of, self._orders, self._entries, used, self._using))
        asked: set[int] = set()
        while merged_into and (origins := self._unread_origins() - asked):
            asked |= origins
            self._take_in(storage.read_lots([], [], [], sorted(origins), self._using))

    def _unread_origins(self) -> set[int]:
        origins = {row.origin_id for row in self._lot_rows.values() if row.origin_id is not None}
        return origins - self._lot_rows.keys()

    def _take_in(self, rows: Iterable[tuple[PointsLot, UUID | None]]) -> None:
        for row, order_id in rows:
            if row.account_id in self.wallets:
                self._lot_rows[row.pk] = row
                self._order_of_lot[row.pk] = order_id
                self._lot_of_entry[row.transaction_id] = row.pk
                self.wallets[row.account_id].lots[row.pk] = storage.lot_of(row)
                if order_id is not None:
                    self._lots_of_order.setdefault((row.account_id, order_id), []).append(row.pk)
