"""Clients of the ledger, each a process with a connection of its own, as workers are; and accounts for them.

A client's call is an award of 100 points to an account and a redemption of 100 points from it: two transactions, as
`loyalty.orders` posts them for an order that earns, and for one that spends.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import random
import resource
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.pgbench import Load, Recorder

POINTS = 100
LOTS = 20

_FILL = (
    "INSERT INTO crm_customer_profile (id, created_at) SELECT n, now() FROM generate_series(1, %(accounts)s) n",
    """
    INSERT INTO crm_loyalty_account (id, program_id, profile_id, active, pending, deficit, held, lifetime, created_at)
    SELECT n, (SELECT min(id) FROM crm_loyalty_program), n, %(lots)s * 100, 0, 0, 0, %(lots)s * 100, now()
    FROM generate_series(1, %(accounts)s) n
    """,
    """
    INSERT INTO crm_points_transaction (account_id, type, points, balance_after, idempotency_key, actor_type, reason,
        breakdown, created_at, earned_at)
    SELECT n, 'earn', 100, lot * 100, format('bench:%%s:%%s', n, lot), 'system', '', '{}', now(), now()
    FROM generate_series(1, %(lots)s) lot, generate_series(1, %(accounts)s) n
    """,
    """
    INSERT INTO crm_points_lot (account_id, transaction_id, status, amount, remaining, available_at, expires_at)
    SELECT account_id, id, 'active', 100, 100, now(), now() + interval '1 year' FROM crm_points_transaction
    """,
)


def fill(connection: Any, accounts: int) -> None:
    """Accounts with twenty lots of 100 points each, numbered from 1."""
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement, {"accounts": accounts, "lots": LOTS})
        cursor.execute("VACUUM ANALYZE")


def award(account_id: int, key: str, order_id: uuid.UUID) -> Any:
    from saleor_crm_plugin.loyalty.ledger import Ledger
    from saleor_crm_plugin.loyalty.posting import Source

    now = datetime.datetime.now(datetime.UTC)
    source = Source(key=key, order_id=order_id, earned_at=now)
    with Ledger([account_id], lots_of=[], now=now) as ledger:
        return ledger.award(account_id, POINTS, source, available_at=now, expires_at=now + datetime.timedelta(365))


def redeem(account_id: int, key: str, order_id: uuid.UUID) -> Any:
    from saleor_crm_plugin.loyalty.ledger import Ledger
    from saleor_crm_plugin.loyalty.posting import Source

    with Ledger([account_id]) as ledger:
        return ledger.redeem(account_id, POINTS, Source(key=key, order_id=order_id))


def pair(account_id: int) -> None:
    """A client's call."""
    for post in (award, redeem):
        order_id = uuid.uuid4()
        post(account_id, f"bench:{order_id}", order_id)


def script(connection: Any, accounts: range) -> str:
    """What `pair` sends, for pgbench, of one of the accounts at random.

    Recorded from an account whose every number is like no other. Where ours spends the lot that expires first, pgbench
    spends the newest: it cannot choose.
    """
    from django.db import transaction

    from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram

    account_id, active, lifetime = 900_000_000, 900_100_000, 900_200_000
    lot_id, entry_id = 900_300_000, 900_400_000
    order_id = uuid.UUID(int=900_500_000)
    values = {
        str(account_id): ":account",
        **dict.fromkeys(map(str, (active, active + POINTS)), ":active"),
        str(lifetime + POINTS): ":lifetime",
        **dict.fromkeys(map(str, (entry_id + 1, entry_id + 2)), ":new_entry"),
        str(order_id): f"{str(order_id)[:-12]}:order",
        **dict.fromkeys(("bench:award", "bench:redeem"), "bench:p:key"),
    }
    recorder = Recorder(
        {
            'SELECT "crm_loyalty_account"': (
                "\\aset account_",
                "\\set active :account_active + :change",
                "\\set lifetime :account_lifetime + :earned",
            ),
            'SELECT "crm_points_lot"': ("\\aset open_",),
            "SELECT CASE WHEN number <=": ("\\aset new_",),
        },
        [f"\\set account random({accounts[0]}, {accounts[-1]})"],
    )
    draw = ("\\set key random(1, 9223372036854775807)", "\\set order random(100000000000, 999999999999)")
    steps = ((award, POINTS, POINTS, ":new_lot"), (redeem, -POINTS, 0, ":open_id"))
    with _numbering(connection, crm_points_lot=lot_id, crm_points_transaction=entry_id), transaction.atomic():
        LoyaltyAccount.objects.create(
            pk=account_id,
            program_id=LoyaltyProgram.objects.get().pk,
            profile_id=account_id,
            active=active,
            lifetime=lifetime,
        )
        for post, change, earned, lot in steps:
            before = (*draw, f"\\set change {change}", f"\\set earned {earned}")
            with recorder.transaction(connection, values | {str(lot_id + 1): lot}, before):
                post(account_id, f"bench:{post.__name__}", order_id)
        transaction.set_rollback(True)
    return recorder.script()


@contextmanager
def _numbering(connection: Any, **last: int) -> Iterator[None]:
    """Let the tables' new rows be numbered from behind these numbers, and then go on as before."""
    with connection.cursor() as cursor:
        before = {}
        for table, number in last.items():
            cursor.execute(f"SELECT max(id) FROM {table}")
            before[table] = cursor.fetchone()[0]
            cursor.execute(_NUMBER, [table, number])
        yield
        for table, number in before.items():
            cursor.execute(_NUMBER, [table, number])


_NUMBER = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"


@dataclass(frozen=True)
class Clients:
    """What clients of ours did.

    Attributes:
        each: seconds of processor time of a call, without PostgreSQL's.
        busy: processor time of all of them, of that of all processors meanwhile; 0 to 1.
    """

    load: Load
    each: float
    busy: float


def run(accounts: range, clients: int, seconds: float) -> Clients:
    """So many clients repeat `pair` for so long, each time with an account at random."""
    from django.db import connections

    # A child must neither use nor close what it inherits.
    connections.close_all()
    context = multiprocessing.get_context("fork")
    start = context.Barrier(clients)
    pipes, processes = [], []
    for _ in range(clients):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_client, args=(accounts, seconds, start, sender), daemon=True)
        process.start()
        sender.close()
        pipes.append(receiver)
        processes.append(process)
    done = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    if failed := [error for *_, error in done if error]:
        raise RuntimeError(f"{len(failed)} of {clients} clients failed: {failed[0]}")
    times = np.concatenate([times for times, *_ in done])
    elapsed = max(elapsed for _, elapsed, *_ in done)
    used = sum(used for *_, used, _ in done)
    busy = used / elapsed / (os.cpu_count() or 1)
    return Clients(Load(times, len(times) / elapsed), used / len(times), busy)


def _client(accounts: range, seconds: float, start: Any, sender: Any) -> None:
    from django.db import connection

    times: list[float] = []
    error = None
    began = used = 0.0
    try:
        random.seed()
        connection.ensure_connection()
        pair(random.choice(accounts))
        start.wait(60)
        used, began = _processor(), time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            pair(random.choice(accounts))
            times.append(time.perf_counter() - now)
    except Exception as failure:
        start.abort()
        error = repr(failure)
    sender.send((np.array(times), time.perf_counter() - began, _processor() - used, error))
    connection.close()


def _processor() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
