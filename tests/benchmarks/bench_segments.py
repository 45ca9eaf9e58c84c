"""How long segments take to be brought in line, in full and for the customers of an order.

    python -m tests.benchmarks.bench_segments                      # 100,000 customers, 1,000,000 orders
    python -m tests.benchmarks.bench_segments --customers 10000    # ten orders each, whatever the number

The shop is made in SQL, in a database of its own: half of the customers have accounts, each order has two lines and an
address. The first time is that on the clock, the second the processor time of PostgreSQL's process for our connection,
which other work on the machine does not change much. The memory is that of this process, without PostgreSQL's.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

DATABASE = "bench_segments"
ORDERS_PER_CUSTOMER = 10

QUERIES = (
    "monetary_score = 5",
    "lifecycle_stage = at_risk OR rfm_group IN (at_risk, previously_loyal)",
    "orders_count = 1",
    "last_order_at < -1y",
    "first_order_at >= -1m",
    "abandoned_checkout(within: 7d)",
    "customer_type = b2b",
    "orders_count >= 3 AND last_order_at < -90d AND bought_category('c3', within: 365d) AND NOT tag = 'wholesale'",
    "bought_category('root')",
    "bought_category('c1', within: 365d, times: 3)",
    "NOT bought_category('c2')",
    "bought_product('p17') OR bought_product('p18') OR tag = 'vip'",
    "bought_collection('k1', within: 180d) AND net_spent > 500",
    "country = 'DE' AND language = 'de'",
    "city = 'City 7' OR city = 'City 8'",
    "country NOT CONTAINS 'US'",
    "channel = 'two' AND points >= 100",
    "consent('marketing_email') = 'granted' AND last_order_at >= -6m",
    "average_order_value BETWEEN 50 AND 120 AND NOT is_guest",
    "ordered(within: 90d) = 0 AND ordered >= 2",
)

_FILLERS = {
    "boolean": "false",
    "integer": "0",
    "bigint": "0",
    "smallint": "0",
    "numeric": "0",
    "double precision": "0",
    "jsonb": "'{}'",
    "timestamp with time zone": "now()",
    "uuid": "gen_random_uuid()",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000, help="how many (default: 100,000)")
    customers = parser.parse_args().customers
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.devshop.settings")
    sys.path.append(os.path.join(os.path.dirname(__file__), "..", "devshop"))
    import django

    django.setup()
    from django.db import connection

    old_name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = DATABASE
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with timed("make the shop", f"{customers:,} customers, {customers * ORDERS_PER_CUSTOMER:,} orders"):
            fill(connection, customers)
        measure(customers)
    finally:
        connection.close()
        connection.creation.destroy_test_db(old_name, verbosity=0)
    return 0


def measure(customers: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from saleor_crm_plugin.ingestion.segments import VOCABULARY, refresh_for, refresh_segment, refresh_segments
    from saleor_crm_plugin.profiles.segments.looking import PreviewTimeoutError, preview
    from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
    from saleor_crm_plugin.profiles.segments.understanding import understand
    from saleor_crm_plugin.profiles.timeline.models import ProfileEvent

    CustomerSegment.objects.all().delete()
    segments = [
        CustomerSegment.objects.create(name=f"S{number}", slug=f"s{number}", query=query)
        for number, query in enumerate(QUERIES)
    ]
    began = now()
    for segment in segments:
        with timed("first, in full", "") as note:
            moves = refresh_segment(segment.pk)
            note.append(f"{moves.entered:>7,} in  {segment.query}")
    report("20 segments, first time", since(began), f"{SegmentMembership.objects.count():,} memberships")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_segment_membership")
    with timed("20 segments, again", "nothing moves"):
        refresh_segments()
    stopped = 0
    with timed("20 previews", "") as note:
        for query in QUERIES:
            try:
                preview(understand(query, VOCABULARY, timezone.now(), "default"), 10, "default")
            except PreviewTimeoutError:
                stopped += 1
        note.append(f"{stopped} took too long")
    for size in (1, 500):
        batches = [list(range(start, start + size)) for start in range(1, min(20 * size, customers - size), size)]
        began = now()
        for batch in batches:
            refresh_for(batch)
        each = since(began)
        report(f"refresh of {size}", tuple(time / len(batches) for time in each), "each, all 20 segments")
    assert ProfileEvent.objects.count() == SegmentMembership.objects.count()


class timed:  # noqa: N801 - reads as a word of the `with` statement
    def __init__(self, stage: str, what: str) -> None:
        self.stage, self.note = stage, [what] if what else []

    def __enter__(self) -> list[str]:
        self.began = now()
        return self.note

    def __exit__(self, *_error: object) -> None:
        report(self.stage, since(self.began), " ".join(self.note))


def now() -> tuple[float, float]:
    """Seconds on the clock, and of PostgreSQL's processor."""
    from django.db import connection

    connection.ensure_connection()
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return time.perf_counter(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def since(began: tuple[float, float]) -> tuple[float, ...]:
    return tuple(after - before for before, after in zip(began, now(), strict=True))


def report(stage: str, seconds: tuple[float, ...], what: str) -> None:
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
    print(f"{stage:<26}{seconds[0]:>9.3f} s{seconds[1]:>9.3f} s{peak:>6,} MB  {what}", flush=True)


def fill(connection: Any, customers: int) -> None:
    orders = customers * ORDERS_PER_CUSTOMER
    with connection.cursor() as cursor:
        # What refers to what is not checked meanwhile.
        cursor.execute("SET session_replication_role = replica")

        def make(table: str, count: int, first: int = 1, **columns: str) -> None:
            """`count` rows; each column an expression over their number `n`."""
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
                [table],
            )
            fixed = {name: _FILLERS.get(kind, "''") for name, kind in cursor.fetchall() if name not in columns}
            columns = {**fixed, **columns}
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
                f" FROM generate_series({first}::bigint, {first + count - 1}::bigint) AS n"
            )

        # A number that looks like any, and is the same in each run.
        def noise(seed: int, below: int) -> str:
            return f"(abs(hashint8extended(n, {seed})) %% {below})".replace("%%", "%")

        age = f"make_interval(hours => ({noise(1, 1000)} * {noise(2, 1000)} * 26280 / 1000000)::int)"
        owner = f"1 + (n * 7919 + {noise(3, 3)} * 31) % {customers}"
        make("channel_channel", 2, id="n", slug="CASE n WHEN 1 THEN 'one' ELSE 'two' END", currency_code="'USD'")
        make("product_category", 21, id="n", name="'c' || n", slug="CASE n WHEN 21 THEN 'root' ELSE 'c' || n END",
             parent_id="CASE WHEN n <= 10 THEN 21 END")  # fmt: skip
        make("product_product", 1000, id="n", slug="'p' || n", name="'p' || n", category_id="1 + n % 20")
        make("product_productvariant", 1000, id="n", product_id="n")
        make("product_collection", 2, id="n", slug="'k' || n", name="'k' || n")
        make("product_collectionproduct", 300, id="n", collection_id="1 + n % 2", product_id="n")
        make("account_address", orders, id="n", country=f"(ARRAY['US','US','US','DE','FR'])[1 + {noise(4, 5)}]",
             city=f"'City ' || {noise(5, 200)}")  # fmt: skip
        make("account_user", customers // 2, id="n", email="'u' || n || '@example.com'", uuid="gen_random_uuid()",
             language_code=f"(ARRAY['en','de'])[1 + {noise(6, 2)}]", default_billing_address_id="n")  # fmt: skip
        make("crm_customer_profile", customers, id="n", user_id=f"CASE WHEN n <= {customers // 2} THEN n END",
             customer_type=f"(ARRAY['b2c','b2c','b2c','b2b'])[1 + {noise(7, 4)}]",
             lifecycle_stage=f"(ARRAY['repeat','at_risk','lapsed','loyal'])[1 + {noise(8, 4)}]")  # fmt: skip
        make("crm_profile_identity", customers - customers // 2, first=customers // 2 + 1, profile_id="n",
             kind="'unverified_email'", value="'g' || n || '@example.com'")  # fmt: skip
        make("order_order", orders, id="lpad(to_hex(n), 32, '0')::uuid", billing_address_id="n", number="n",
             language_code="'en'", currency="'USD'", channel_id="1")  # fmt: skip
        make("crm_profile_order", orders, order_id="lpad(to_hex(n), 32, '0')::uuid", profile_id=owner,
             channel_id=f"1 + {noise(9, 2)}", currency="'USD'", placed_at=f"now() - {age}",
             counts=f"{noise(10, 50)} > 0", gross_amount=f"10 + {noise(11, 150)}", refunded_amount="0")  # fmt: skip
        make("order_orderline", orders * 2, id="lpad(to_hex(n), 32, '0')::uuid", quantity="1",
             order_id=f"lpad(to_hex(1 + (n - 1) % {orders}), 32, '0')::uuid",
             variant_id=f"1 + {noise(12, 1000)}")  # fmt: skip
        make(
            "crm_customer_tag",
            customers // 5,
            profile_id="n * 5",
            name=f"(ARRAY['vip','wholesale'])[1 + {noise(13, 2)}]",
        )
        make("crm_consent_record", customers, profile_id="n", purpose="'marketing_email'",
             state=f"(ARRAY['granted','refused'])[1 + {noise(14, 2)}]")  # fmt: skip
        make("checkout_checkout", customers // 10, token="gen_random_uuid()",
             user_id=f"CASE WHEN n % 2 = 0 THEN 1 + {noise(15, customers // 2)} END",
             email=f"'g' || ({customers // 2} + n) || '@example.com'",
             last_change=f"now() - make_interval(hours => ({noise(16, 720)})::int)")  # fmt: skip
        cursor.execute(
            "INSERT INTO checkout_checkoutline (id, created_at, checkout_id, variant_id, quantity, is_gift, currency,"
            " undiscounted_unit_price_amount, total_price_net_amount, total_price_gross_amount, tax_rate)"
            " SELECT gen_random_uuid(), now(), token, 1, 1, false, 'USD', 0, 0, 0, 0 FROM checkout_checkout"
        )
        make("crm_loyalty_account", customers // 2, id="n", profile_id="n", active=noise(17, 1000),
             program_id="(SELECT id FROM crm_loyalty_program WHERE is_default)")  # fmt: skip
        cursor.execute("SET session_replication_role = DEFAULT")
    from saleor_crm_plugin.profiles.metrics import refresh_metrics
    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    refresh_metrics()
    from django.utils import timezone

    refresh_rfm(365, timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    sys.exit(main())
