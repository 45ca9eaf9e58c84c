"""How long the nightly jobs over all customers take, and how much memory.

    python -m tests.benchmarks.bench_customers                                  # 100,000 customers, 1,000,000 orders
    python -m tests.benchmarks.bench_customers --customers 10000 --orders 50000

Customers and orders are made in SQL, with gaps, amounts, refunds and companies by chance. The measured part runs in
a process of its own, so that its peak memory is its own; PostgreSQL's memory and processor time are those of the
process that served it. On a busy machine the processor time says more than the seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_training import timed

DATABASE = "bench_customers"

# Most customers buy once or twice, a few very often; orders lie within two years, every twentieth is cancelled.
_FILL = """
SET session_replication_role = replica;
SELECT setseed(0.2017);
INSERT INTO crm_customer_profile (user_id, created_at) SELECT n, now() FROM generate_series(1, {customers}) n;
CREATE TEMP TABLE drawn AS
SELECT md5(n::text)::uuid AS order_id, (1 + floor({customers} * random() ^ 2))::int AS profile_id,
       now() - interval '730 days' * random() AS placed_at, random() AS fate,
       (5 + 200 * random() ^ 3)::numeric(20, 2) AS total, 1 + floor(5 * random())::int AS items
FROM generate_series(1, {orders}) n;
INSERT INTO crm_profile_order (order_id, profile_id, channel_id, currency, placed_at, counts, gross_amount,
                               refunded_amount, items, returned_items)
SELECT order_id, profile_id, 1, CASE WHEN profile_id % 10 = 0 THEN 'EUR' ELSE 'USD' END, placed_at, fate > 0.05, total,
       CASE WHEN fate > 0.9 THEN round(total / 2, 2) ELSE 0 END, items, CASE WHEN fate > 0.9 THEN 1 ELSE 0 END
FROM drawn;
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with shop_with(arguments.customers, arguments.orders):
        print(f"{arguments.customers:,} customers, {arguments.orders:,} orders, {os.cpu_count()} CPUs", flush=True)
        print(f"{'job':<30}{'seconds':>9}{'CPU':>7}{'peak MB':>9}{'database CPU':>14}{'MB':>7}  what", flush=True)
        process = get_context("spawn").Process(target=measure)
        process.start()
        process.join()
    return process.exitcode or 0


def measure() -> None:
    set_up_django(named=True)
    from django.utils import timezone

    from saleor_crm_plugin.config import CRMSettings
    from saleor_crm_plugin.ingestion.customer_types import refresh_all_types
    from saleor_crm_plugin.ingestion.favorites import favorite_categories
    from saleor_crm_plugin.ingestion.lifecycle import refresh_all_stages
    from saleor_crm_plugin.profiles.metrics import refresh_metrics
    from saleor_crm_plugin.profiles.models import CustomerProfile
    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    now, settings = timezone.now(), CRMSettings()
    page = list(CustomerProfile.objects.order_by("pk").values_list("pk", flat=True)[:100])
    jobs: list[tuple[str, Callable[[], Any]]] = [
        ("metrics, the first time", refresh_metrics),
        ("metrics, nothing new", refresh_metrics),
        ("RFM, the first time", lambda: refresh_rfm(365, now)),
        ("RFM, a day later", lambda: refresh_rfm(365, now + timedelta(days=1))),
        ("stages, the first time", lambda: refresh_all_stages(settings, now)),
        ("stages, a day later", lambda: refresh_all_stages(settings, now + timedelta(days=1))),
        ("stages, 100 days later", lambda: refresh_all_stages(settings, now + timedelta(days=100))),
        ("types", lambda: refresh_all_types(settings, now)),
        ("favourites of 100 customers", lambda: len(favorite_categories(page, 10, "default"))),
    ]
    backend = database_process()
    for name, job in jobs:
        cpu, database_cpu = processor_time("self"), processor_time(backend)
        with timed() as seconds:
            result = job()
        print(
            f"{name:<30}{seconds():>9.1f}{processor_time('self') - cpu:>7.1f}{peak('self'):>9,}"
            f"{processor_time(backend) - database_cpu:>14.1f}{peak(backend):>7,}"
            f"  {'' if result is None else f'{result:,} rows'}",
            flush=True,
        )


def database_process() -> int:
    """The process of the database that serves us; it runs on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def peak(process: str | int) -> int:
    """Peak memory of a process in MB, shared buffers included."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def processor_time(process: str | int) -> float:
    """Seconds that a process has run."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def set_up_django(*, named: bool) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.devshop.settings")
    sys.path.append(os.path.join(os.path.dirname(__file__), "..", "devshop"))
    import django
    from django.db import connections

    django.setup()
    if named:
        for alias in connections:
            connections[alias].settings_dict["NAME"] = DATABASE


@contextmanager
def shop_with(customers: int, orders: int) -> Iterator[None]:
    """Facts about orders in a database of its own, as syncs leave them; and the orders in Saleor, for the types."""
    set_up_django(named=False)
    from django.db import connection

    connection.settings_dict["TEST"]["NAME"] = DATABASE
    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        began = time.perf_counter()
        fill(connection, customers, orders)
        print(f"made in {time.perf_counter() - began:.0f} s", flush=True)
        connection.close()
        yield
    finally:
        connection.creation.destroy_test_db(old_name, verbosity=0)


def fill(connection: Any, customers: int, orders: int) -> None:
    with connection.cursor() as cursor:
        for statement in _FILL.format(customers=customers, orders=orders).split(";"):
            if statement.strip():
                cursor.execute(statement)
        # An address for each order, every eighth of a company; an account for each customer.
        rows = {
            "account_user": (f"FROM generate_series(1, {customers}) n", {
                "id": "n", "email": "'customer' || n || '@example.com'", "uuid": "md5(n::text)::uuid",
            }),
            "account_address": (f"FROM generate_series(1, {orders}) n", {
                "id": "n", "company_name": "CASE WHEN n %% 8 = 0 THEN 'Acme' ELSE '' END",
            }),
            "order_order": ("FROM (SELECT row_number() OVER () AS n, * FROM drawn) drawn", {
                "id": "order_id", "number": "n", "billing_address_id": "n", "user_id": "profile_id",
                "created_at": "placed_at", "total_gross_amount": "total",
            }),
            "order_orderline": ("FROM drawn", {
                "id": "order_id", "order_id": "order_id", "quantity": "items",
                "variant_id": "1 + (('x' || substr(order_id::text, 1, 6))::bit(24)::int %% 1000)",
            }),
            "product_productvariant": ("FROM generate_series(1, 1000) n", {"id": "n", "product_id": "n"}),
            "product_product": ("FROM generate_series(1, 1000) n", {
                "id": "n", "slug": "n::text", "category_id": "1 + n %% 50",
            }),
        }  # fmt: skip
        for table, (source, columns) in rows.items():
            insert(cursor, table, source, columns)
        cursor.execute("ANALYZE")


# For columns that must have a value and do not matter here, by the type's name in information_schema.
_FILLERS = {
    "boolean": "false", "integer": "0", "bigint": "0", "smallint": "0", "numeric": "0", "double precision": "0",
    "jsonb": "'{}'", "timestamp with time zone": "now()", "uuid": "gen_random_uuid()",
}  # fmt: skip


def insert(cursor: Any, table: str, source: str, columns: dict[str, str]) -> None:
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL",
        [table],
    )
    values = {name: _FILLERS.get(kind, "''") for name, kind in cursor.fetchall()} | columns
    names, expressions = ", ".join(values), ", ".join(values.values())
    # With parameters, though there are none, so that a doubled percent sign is one.
    cursor.execute(f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {expressions} {source}", {})


if __name__ == "__main__":
    sys.exit(main())
