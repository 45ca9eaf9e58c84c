"""An import of points: a file checked and written, beside `csv` and COPY into a table and on into ours, unchecked."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from typing import Any

from tests.benchmarks import frames
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database

# Everything that an import leaves, but for its name, which keeps it from being imported twice.
_TABLES = (
    "crm_lot_consumption, crm_points_lot, crm_points_transaction, crm_loyalty_account, crm_profile_identity,"
    " crm_customer_profile, crm_sync_state"
)
# For somebody who trusts the file: each customer once; new ones have no row yet.
_GIVEN = "CREATE TEMPORARY TABLE given (number int, email text, points int, expires_at date) ON COMMIT DROP"
_NEW_CUSTOMERS = (
    """
    INSERT INTO crm_customer_profile (id, created_at) OVERRIDING SYSTEM VALUE
    SELECT number, now() FROM given
    """,
    """
    INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
    SELECT number, 'unverified_email', lower(email), now() FROM given
    """,
    """
    INSERT INTO crm_loyalty_account (program_id, profile_id, active, pending, deficit, held, lifetime, created_at)
    SELECT (SELECT id FROM crm_loyalty_program WHERE is_default), number, 0, 0, 0, 0, 0, now() FROM given
    """,
)
_POINTS = """
WITH owner AS (
    SELECT account.id AS account_id, account.active, given.points, given.expires_at
    FROM given JOIN crm_profile_identity known ON known.kind = 'unverified_email' AND known.value = lower(given.email)
    JOIN crm_loyalty_account account ON account.profile_id = known.profile_id
), entry AS (
    INSERT INTO crm_points_transaction
        (account_id, type, points, balance_after, idempotency_key, actor_type, reason, breakdown, created_at)
    SELECT account_id, 'import', points, active + points, %(batch)s || account_id, 'system', '', '{}', now() FROM owner
    RETURNING id, account_id
), lot AS (
    INSERT INTO crm_points_lot (account_id, transaction_id, status, amount, remaining, available_at, expires_at)
    SELECT account_id, entry.id, 'active', points, points, now(), expires_at FROM entry JOIN owner USING (account_id)
)
UPDATE crm_loyalty_account account SET active = account.active + owner.points
FROM owner WHERE owner.account_id = account.id
"""


def measure(bench: Bench) -> None:
    rows = bench.size(20_000, 500)
    text = "email,points,expires_at\n" + "".join(
        f"customer{number}@example.com,{number % 5000 + 1},{2030 + number % 5}-12-31\n" for number in range(rows)
    )
    with scratch_database("bench_import") as connection:
        checking(bench, text, rows)
        writing(bench, connection, text, rows)


def checking(bench: Bench, text: str, rows: int) -> None:
    def check() -> None:
        found = _import(text, "checked").check(lambda count: None)
        assert (found.rows, found.wrong) == (rows, 0), found.errors[:3]

    def read() -> None:
        assert len({row["email"] for row in csv.DictReader(io.StringIO(text))}) == rows

    bench.measure("check a file of points", check, read, beside="csv.DictReader", size=rows)


def writing(bench: Bench, connection: Any, text: str, rows: int) -> None:
    """Of new customers, and then of the same ones again."""

    def forget() -> None:
        frames.run(connection, f"TRUNCATE {_TABLES} CASCADE", "ANALYZE")

    bench.measure(
        "check and write points of new customers",
        lambda: _checked_and_written(text, "new"),
        lambda: by_hand(connection, text, "by hand:", _NEW_CUSTOMERS),
        beside="csv, COPY, INSERT … SELECT",
        before=forget,
        size=rows,
    )
    forget()
    _checked_and_written(text, "first")
    numbers = itertools.count()
    bench.measure(
        "check and write points of known customers",
        lambda: _checked_and_written(text, f"again {next(numbers)}"),
        lambda: by_hand(connection, text, f"by hand {next(numbers)}:"),
        beside="csv, COPY, INSERT … SELECT",
        size=rows,
        note="each file is a batch of its own",
    )


def _import(text: str, batch: str) -> Any:
    from saleor_crm_plugin.ingestion.import_points import PointsImport
    from saleor_crm_plugin.loyalty.import_format import ImportType

    return PointsImport(io.BytesIO(text.encode()), ImportType.BALANCES, batch, create_guests=True, again=True)


def _checked_and_written(text: str, batch: str) -> None:
    work = _import(text, batch)
    work.check(lambda count: None)
    assert work.run(lambda count: None)


def by_hand(connection: Any, text: str, batch: str, before: Sequence[str] = ()) -> None:
    from django.db import transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_GIVEN)
        with cursor.copy("COPY given FROM STDIN") as copy:
            for number, row in enumerate(csv.DictReader(io.StringIO(text)), 1):
                copy.write_row((number, row["email"], int(row["points"]), row["expires_at"]))
        cursor.execute("ANALYZE given")
        frames.run(connection, *before)
        frames.run(connection, _POINTS, values={"batch": batch})
