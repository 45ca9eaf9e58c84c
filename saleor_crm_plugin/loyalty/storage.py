"""The SQL below the ledger: each function takes a constant number of statements, however many rows there are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connections, models
from django.db.models.expressions import RawSQL

from saleor_crm_plugin.compiled import KEYS, CompiledLookup
from saleor_crm_plugin.loyalty.models import (
    LotConsumption,
    LotStatus,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.wallet import Consumption, Lot, Wallet


@dataclass(slots=True)
class Batch:
    """What a ledger has posted and not yet written. Primary keys are provisional."""

    entries: list[PointsTransaction] = field(default_factory=list)
    lots: list[PointsLot] = field(default_factory=list)
    consumptions: list[LotConsumption] = field(default_factory=list)


# Accounts, and those that they were merged into.
_WITH_MERGED_INTO = """
crm_loyalty_account.id = ANY(%s::bigint[] || ARRAY(
    SELECT merged_into_id FROM crm_loyalty_account AS merged
    WHERE merged.id = ANY(%s::bigint[]) AND merged.merged_into_id IS NOT NULL
))
"""


@partial(CompiledLookup, None)
def _locked_accounts() -> models.QuerySet[LoyaltyAccount]:
    wanted = RawSQL(_WITH_MERGED_INTO, [KEYS, KEYS], models.BooleanField())  # nosec B611  # constant
    return LoyaltyAccount.objects.select_for_update().order_by("pk").filter(wanted)


def lock_accounts(account_ids: Sequence[int], using: str) -> dict[int, LoyaltyAccount]:
    """Accounts, and those that they were merged into, locked in the order of their ids. One statement.

    It takes another one if accounts were merged several times in a row, or while we waited for a lock. Those locks may
    be out of order, so in such a moment PostgreSQL may have to end a deadlock, and whoever gave the hint repeats it.
    """
    locked: dict[int, LoyaltyAccount] = {}
    wanted = set(account_ids)
    while wanted:
        locked.update((row.pk, row) for row in _locked_accounts.instances(sorted(wanted), using))
        wanted = {row.merged_into_id for row in locked.values() if row.merged_into_id is not None} - locked.keys()
    return locked


def wallet_of(account: LoyaltyAccount) -> Wallet:
    return Wallet(account.active, account.pending, account.deficit, account.held, account.lifetime)


def lot_of(row: PointsLot) -> Lot:
    return Lot(row.pk, row.amount, row.remaining, row.status == LotStatus.PENDING, row.available_at, row.expires_at)


def posted_keys(keys: Sequence[str], using: str) -> set[str]:
    rows = PointsTransaction.objects.using(using).filter(idempotency_key__in=keys)
    return set(rows.values_list("idempotency_key", flat=True))


def waivers_of(orders: Sequence[UUID], using: str) -> list[PointsTransaction]:
    rows = PointsTransaction.objects.using(using).filter(order_id__in=orders, type=TransactionType.WAIVER)
    return list(rows.order_by("pk"))


def outstanding_redemptions(orders: Sequence[UUID], using: str) -> dict[tuple[int, UUID], list[Consumption]]:
    """What the orders' redemptions used of which lots and has not come back, in the order of use."""
    rows = (
        LotConsumption.objects.using(using)
        .filter(
            models.Q(transaction__type=TransactionType.REDEEM)
            # A reversal's positive consumptions are returned points that paid a deficit: they did come back.
            | models.Q(transaction__type=TransactionType.REDEEM_REVERSAL, points__lt=0),
            transaction__order_id__in=orders,
        )
        .order_by("pk")
        .values_list("transaction__account_id", "transaction__order_id", "lot_id", "points")
    )
    used: dict[tuple[int, UUID], dict[int, int]] = {}
    for account_id, order_id, lot_id, points in rows:
        assert order_id is not None
        per_lot = used.setdefault((account_id, order_id), {})
        per_lot[lot_id] = per_lot.get(lot_id, 0) + points
    return {
        key: [Consumption(lot_id, points) for lot_id, points in per_lot.items() if points > 0]
        for key, per_lot in used.items()
    }


def used_by(entries: Sequence[int], using: str) -> dict[int, list[Consumption]]:
    """What each entry took from which lots."""
    rows = LotConsumption.objects.using(using).filter(transaction__in=entries, points__gt=0).order_by("pk")
    used: dict[int, list[Consumption]] = {}
    for entry_id, lot_id, points in rows.values_list("transaction_id", "lot_id", "points"):
        used.setdefault(entry_id, []).append(Consumption(lot_id, points))
    return used


_EXPIRED = """
SELECT used.lot_id, sum(used.points)
FROM crm_lot_consumption AS used JOIN crm_points_transaction AS entry ON entry.id = used.transaction_id
WHERE used.lot_id = ANY(%s::bigint[]) AND entry.type = 'expire' AND NOT EXISTS (
    SELECT FROM crm_points_transaction AS again
    WHERE again.reverses_id = entry.id AND again.type = 'reinstate' AND NOT EXISTS (
        SELECT FROM crm_points_transaction AS taken WHERE taken.reverses_id = again.id AND taken.type = 'void'
    )
)
GROUP BY used.lot_id
"""


def expired(lot_ids: Sequence[int], using: str) -> dict[int, int]:
    """Points of each lot that have expired and that staff have not given back. No lots: no statement."""
    if not lot_ids:
        return {}
    with connections[using].cursor() as cursor:
        cursor.execute(_EXPIRED, [list(lot_ids)])
        return {lot_id: int(points) for lot_id, points in cursor.fetchall()}


def count_uses(lot_ids: Sequence[int], using: str) -> dict[int, int]:
    """How often each lot's points were used or given back; a lot that never was is missing. No lots: no statement."""
    if not lot_ids:
        return {}
    rows = LotConsumption.objects.using(using).filter(lot__in=lot_ids).order_by().values("lot_id")
    return dict(rows.annotate(uses=models.Count("pk")).values_list("lot_id", "uses"))


_LOTS_OF_ENTRIES = """
WITH RECURSIVE moved AS (
    SELECT lot.transaction_id AS entry_id, lot.id FROM crm_points_lot AS lot
    WHERE lot.transaction_id = ANY(%s::bigint[])
    UNION
    SELECT moved.entry_id, lot.id FROM moved CROSS JOIN LATERAL (
        SELECT id FROM crm_points_lot WHERE origin_id = moved.id OFFSET 0
    ) AS lot
)
SELECT entry_id, array_agg(id ORDER BY id) FROM moved GROUP BY entry_id
"""


def lots_of_entries(entries: Sequence[int], using: str) -> dict[int, list[int]]:
    """The lots that each entry's points are in or were in, in whichever account. No entries: no statement."""
    if not entries:
        return {}
    with connections[using].cursor() as cursor:
        cursor.execute(_LOTS_OF_ENTRIES, [list(entries)])
        return dict(cursor.fetchall())


# Each part by an index of its own. As one condition with OR, over lots and their entries, PostgreSQL could only join
# the whole of both. OFFSET keeps it from joining where points went to, in the same way.
_WANTED_LOTS = """
crm_points_lot.id = ANY(ARRAY(
    SELECT lot.id FROM crm_points_lot AS lot WHERE lot.account_id = ANY(%s::bigint[]) AND lot.remaining > 0
    UNION ALL
    SELECT lot.id FROM crm_points_transaction AS entry JOIN crm_points_lot AS lot ON lot.transaction_id = entry.id
    WHERE entry.order_id = ANY(%s::uuid[])
    UNION ALL
    (
        WITH RECURSIVE moved AS (
            SELECT lot.id FROM crm_points_lot AS lot WHERE lot.transaction_id = ANY(%s::bigint[])
            UNION
            SELECT lot.id FROM moved CROSS JOIN LATERAL (
                SELECT id FROM crm_points_lot WHERE origin_id = moved.id OFFSET 0
            ) AS lot
        )
        SELECT id FROM moved
    )
    UNION ALL
    SELECT unnest(%s::bigint[])
))
"""


def read_lots(
    account_ids: Sequence[int], orders: Sequence[UUID], entries: Sequence[int], lot_ids: Sequence[int], using: str
) -> list[tuple[PointsLot, UUID | None]]:
    """Open lots of the accounts, lots that the orders and entries opened, and those named; each with its order.

    With what an entry opened come the lots that its points moved to, empty ones too: they may have expired there. Those
    that an order's points moved to are the order's.
    """
    wanted = RawSQL(  # nosec B611  # constant
        _WANTED_LOTS, [list(account_ids), list(orders), list(entries), list(lot_ids)], models.BooleanField()
    )
    rows = PointsLot.objects.using(using).filter(wanted).annotate(of_order=models.F("transaction__order_id"))
    return [(row, row.of_order) for row in rows.order_by("pk")]


def write(
    batch: Batch,
    accounts: Mapping[int, LoyaltyAccount],
    wallets: Mapping[int, Wallet],
    lot_rows: Mapping[int, PointsLot],
    now: datetime,
    using: str,
) -> None:
    """Write a batch, the lots and the accounts. Entries and lots get their real primary keys. Two statements."""
    changed = _carry_over(wallets, lot_rows, batch, now)
    _give_ids(batch, using)
    parts = [
        _inserted(batch.entries, using),
        _inserted(batch.lots, using),
        _updated_lots(changed),
        _inserted(batch.consumptions, using),
        _updated_accounts(accounts, wallets),
    ]
    _run([part for part in parts if part is not None], using)
    for row in (*batch.entries, *batch.lots, *batch.consumptions):
        row._state.adding, row._state.db = False, using


# A statement, and its parameters.
Part = tuple[str, list[Any]]


def _run(parts: Sequence[Part], using: str) -> None:
    """One SQL statement for all parts: whoever waits for the account waits for each round trip. No parts: none.

    No part sees what another one has done, and none needs to.
    """
    if not parts:
        return
    *before, (statement, _) = parts
    names = [f"part_{number} AS ({sql})" for number, (sql, _) in enumerate(before)]
    with connections[using].cursor() as cursor:
        cursor.execute(
            (f"WITH {', '.join(names)} " if names else "") + statement,
            [parameter for _, parameters in parts for parameter in parameters],
        )


def _inserted(rows: Sequence[models.Model], using: str) -> Part | None:
    """Rows of one table. None for no rows.

    All rows are one parameter. Django's `bulk_create` makes one of each cell, which took a quarter of an import's time.
    """
    if not rows:
        return None
    connection = connections[using]
    fields = [each for each in rows[0]._meta.concrete_fields if rows[0].pk is not None or not each.primary_key]
    columns = ", ".join(str(each.column) for each in fields)
    types = ", ".join(f"{each.column} {each.cast_db_type(connection)}" for each in fields)
    cells = [{each.column: getattr(row, each.attname) for each in fields} for row in rows]
    statement = (
        f"INSERT INTO {rows[0]._meta.db_table} ({columns}) "
        f"SELECT {columns} FROM ROWS FROM (json_to_recordset(%s) AS ({types})) "
        f"WITH ORDINALITY AS new ({columns}, number) ORDER BY number"  # nosec B608  # tables and columns of our models
    )
    # Moments and UUIDs as PostgreSQL reads them.
    return statement, [json.dumps(cells, default=str)]


def _carry_over(
    wallets: Mapping[int, Wallet], lot_rows: Mapping[int, PointsLot], batch: Batch, now: datetime
) -> list[PointsLot]:
    """Bring the wallets' lots into their rows; returns the rows that existed before and have changed."""
    new = {row.pk for row in batch.lots}
    changed = []
    for wallet in wallets.values():
        for lot in wallet.lots.values():
            row = lot_rows[lot.id]
            # What became of a lot is told by what happened to it last, not by how it looks now.
            if (lot.remaining, lot.pending) == (row.remaining, row.status == LotStatus.PENDING):
                continue
            row.remaining, row.status = lot.remaining, _status(lot, now)
            if lot.id not in new:
                changed.append(row)
    return changed


def _status(lot: Lot, now: datetime) -> LotStatus:
    if lot.pending:
        return LotStatus.PENDING if lot.remaining else LotStatus.CANCELLED
    if lot.remaining == 0 and lot.expires_at is not None and lot.expires_at <= now:
        return LotStatus.EXPIRED
    return LotStatus.ACTIVE


def _give_ids(batch: Batch, using: str) -> None:
    entries, lots = _real_ids([row.pk for row in batch.entries], [row.pk for row in batch.lots], using)
    for entry in batch.entries:
        entry.pk = entries[entry.pk]
        if entry.reverses_id is not None:
            entry.reverses_id = entries.get(entry.reverses_id, entry.reverses_id)
    for lot in batch.lots:
        lot.pk = lots[lot.pk]
        lot.transaction_id = entries.get(lot.transaction_id, lot.transaction_id)
        if lot.origin_id is not None:
            lot.origin_id = lots.get(lot.origin_id, lot.origin_id)
    for part in batch.consumptions:
        part.transaction_id = entries.get(part.transaction_id, part.transaction_id)
        part.lot_id = lots.get(part.lot_id, part.lot_id)


_NEXT_IDS = """
SELECT
    CASE WHEN number <= %(entries)s THEN nextval(pg_get_serial_sequence('crm_points_transaction', 'id')) END AS entry,
    CASE WHEN number <= %(lots)s THEN nextval(pg_get_serial_sequence('crm_points_lot', 'id')) END AS lot
FROM generate_series(1, greatest(%(entries)s, %(lots)s)) AS number
"""


def _real_ids(entries: Sequence[int], lots: Sequence[int], using: str) -> tuple[dict[int, int], dict[int, int]]:
    """By provisional primary key, those of entries and of lots. One statement, none for no rows."""
    if not entries and not lots:
        return {}, {}
    with connections[using].cursor() as cursor:
        cursor.execute(_NEXT_IDS, {"entries": len(entries), "lots": len(lots)})
        rows = cursor.fetchall()
    entry_ids, lot_ids = (
        sorted(number for number in column if number is not None) for column in zip(*rows, strict=True)
    )
    return dict(zip(entries, entry_ids, strict=True)), dict(zip(lots, lot_ids, strict=True))


def _updated_lots(rows: Sequence[PointsLot]) -> Part | None:
    if not rows:
        return None
    statement = """
        UPDATE crm_points_lot AS lot SET remaining = new.remaining, status = new.status
        FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS new (id, remaining, status)
        WHERE lot.id = new.id
    """
    return statement, [[row.pk for row in rows], [row.remaining for row in rows], [str(row.status) for row in rows]]


def _updated_accounts(accounts: Mapping[int, LoyaltyAccount], wallets: Mapping[int, Wallet]) -> Part | None:
    rows = []
    for pk, wallet in wallets.items():
        account = accounts[pk]
        new = (wallet.active, wallet.pending, wallet.deficit, wallet.held, wallet.lifetime)
        if new != (account.active, account.pending, account.deficit, account.held, account.lifetime):
            account.active, account.pending, account.deficit, account.held, account.lifetime = new
            rows.append((pk, *new))
    if not rows:
        return None
    statement = """
        UPDATE crm_loyalty_account AS account
        SET active = new.active, pending = new.pending, deficit = new.deficit, held = new.held, lifetime = new.lifetime
        FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
            AS new (id, active, pending, deficit, held, lifetime)
        WHERE account.id = new.id
    """
    return statement, [list(column) for column in zip(*rows, strict=True)]
