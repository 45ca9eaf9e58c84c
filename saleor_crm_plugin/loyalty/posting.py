"""A unit of work over accounts: read under locks, changed in memory, written at the end.

`Posting` knows how an entry and a lot are put down. What may be posted, and what follows from it, is the business of
its callers: `loyalty.ledger`, and `loyalty.moving` for points that change accounts. The arithmetic is in
`loyalty.wallet`, the SQL in `loyalty.storage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.exceptions import LedgerError
from saleor_crm_plugin.loyalty import accounts, storage
from saleor_crm_plugin.loyalty.models import (
    EARNINGS,
    LotConsumption,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.rules import storage as rules
from saleor_crm_plugin.loyalty.wallet import Consumption, Lot, Wallet

# Rows get their primary keys when they are written. Until then they have numbers that sort after every real one, since
# lots that expire together are spent oldest first.
PROVISIONAL_ID = 2**62


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


class Posting:
    """A unit of work over some accounts.

    Args:
        account_ids: accounts to lock, with those that they were merged into. Others cannot be touched.
        lots_of: which of them need their open lots (default: all); the rest can only receive new lots.
        orders: orders whose awards may be reversed or whose redemptions may be given back.
        entries: primary keys of entries that may be undone: the lots that they opened, wherever their points moved, and
            those that they used.
        keys: idempotency keys that may have been used before. Keys that the caller derives from what it has read
            under a lock need not be named; the unique constraint watches over all.
        savepoint: within a transaction, whether its owner can go on after an error in here.

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
        savepoint: bool = True,
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
        self._expired: dict[int, int] = {}
        self._moves: dict[str, int] = {}
        self._kept_no_more: list[rules.KeptNoMore] = []
        self._lot_rows: dict[int, PointsLot] = {}
        self._batch = storage.Batch()
        self._provisional = PROVISIONAL_ID
        self._atomic = transaction.atomic(using=using, savepoint=savepoint)

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
                rules.free_uses(self._kept_no_more, self._using)
            except BaseException as failed:
                self._atomic.__exit__(type(failed), failed, failed.__traceback__)
                raise
        self._atomic.__exit__(kind, error, trace)

    def has_posted(self, key: str) -> bool:
        """Whether an entry with this key exists; for keys named at the start."""
        return key in self._posted_keys

    def head_of(self, account_id: int) -> int:
        """The account that has this one's points now: itself, or the one that it was merged into in the end."""
        return self.path_of(account_id)[-1]

    def path_of(self, account_id: int) -> list[int]:
        """An account, and those that it was merged into one after the other: the last one has its points now."""
        path = [account_id]
        while (into := self.accounts[path[-1]].merged_into_id) is not None:
            path.append(into)
        return path

    def family_of(self, account_id: int) -> set[int]:
        """An account, and all that were merged into it, read here or not. One statement."""
        return {account_id} | accounts.merged_into([account_id], self._using).get(account_id, set())

    def waivers_of(self, order_ids: Iterable[UUID]) -> list[PointsTransaction]:
        """The waivers of orders, with those of this ledger. One statement."""
        wanted = sorted(order_ids)
        new = [each for each in self._batch.entries if each.type == TransactionType.WAIVER and each.order_id in wanted]
        return storage.waivers_of(wanted, self._using) + new

    def used_by(self, entry_id: int) -> Sequence[Consumption]:
        """What an entry took from which lots; for entries named at the start."""
        return self._used_by_entry.get(entry_id, [])

    def order_of(self, lot_id: int) -> UUID | None:
        """The order whose award, or whose points given back, opened a lot."""
        return self._order_of_lot[lot_id]

    def origin_of(self, lot_id: int) -> int | None:
        """The lot of another account that the points of this one came from, if they did and it was read."""
        row = self._lot_rows.get(lot_id)
        return None if row is None else row.origin_id

    def free_uses(self, order_id: UUID, account_id: int, points: int) -> None:
        """An account has kept `points` of an order until now: what its rules gave is free again as far.

        For whoever does not record these uses anew. One statement at the end, whatever the number of orders.
        """
        self._kept_no_more.append(rules.KeptNoMore(order_id, account_id, points))

    def number_move(self, key: str) -> int:
        """How many times this cause has moved points, with this one."""
        number = self._moves[key] = self._moves.get(key, 0) + 1
        return number

    def record(self, entry: PointsTransaction, used: Iterable[Consumption]) -> None:
        """Put down that an entry of this ledger has used these points of lots, which the wallet knows already."""
        self._record(entry.pk, used)

    def open_lot(
        self,
        entry: PointsTransaction,
        points: int,
        available_at: datetime,
        expires_at: datetime | None,
        *,
        origin: Lot | None = None,
    ) -> Lot:
        """Put down the lot that an entry opens; points that are active pay a deficit first.

        Args:
            origin: the lot of another account whose points these are: pending, if they are.
        """
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

    def post(
        self,
        account_id: int,
        points: int,
        kind: TransactionType,
        source: Source,
        move: Callable[[], list[Consumption]] | None,
    ) -> PointsTransaction | None:
        """Put an entry down; None if its key is there already.

        Args:
            move: changes the wallet, and says what it took from lots or gave back to them.

        Raises:
            LedgerError: no points.
        """
        if points == 0:
            raise LedgerError("An entry moves points: 0 are none.")
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

    def _load_open_lots(self, account_id: int) -> None:
        """Read the open lots of an account that was taken in without them."""
        if account_id not in self._lots_of:
            self._lots_of = sorted({*self._lots_of, account_id})
            self._take_in(storage.read_lots([account_id], [], [], [], self._using))

    def _expired_of(self, lot_ids: Iterable[int]) -> int:
        """How many points of lots, which orders or entries named at the start opened, have expired."""
        return sum(self._expired.get(lot_id, 0) for lot_id in lot_ids)

    def _record(self, transaction_id: int, used: Iterable[Consumption], settled_at: datetime | None = None) -> None:
        self._batch.consumptions.extend(
            LotConsumption(transaction_id=transaction_id, lot_id=part.lot_id, points=part.points, settled_at=settled_at)
            for part in used
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
        if self._orders or self._entries:
            self._expired = storage.expired(
                [pk for pk, row in self._lot_rows.items() if self._is_past(row)], self._using
            )
        asked: set[int] = set()
        while merged_into and (origins := self._unread_origins() - asked):
            asked |= origins
            self._take_in(storage.read_lots([], [], [], sorted(origins), self._using))

    def _is_past(self, row: PointsLot) -> bool:
        return row.expires_at is not None and row.expires_at <= self.now and row.remaining < row.amount

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
