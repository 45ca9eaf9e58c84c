"""How long `customerProfiles` takes among many customers: a first page, a page in the middle, and the count.

    python -m tests.benchmarks.bench_search                  # 100,000 customers
    python -m tests.benchmarks.bench_search --customers 10000 --explain "net spent"

Customers are made in SQL: four of five have an account, nine of ten have ordered in dollars and one of five in euros;
one of ten is a VIP. The policy of consent is applied to all of them at the end.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.bench_training import report
from tests.benchmarks.scratch import scratch_database, timed

DATABASE = "bench_search"

FILL = """
INSERT INTO account_user (id, email, first_name, last_name, password, is_staff, is_active, is_superuser, {columns})
SELECT n, 'customer' || n || '@example.com', 'First' || n %% 997, 'Last' || n %% 9973, '', false, true, false, {values}
FROM generate_series(1, %(customers)s * 4 / 5) AS n;

INSERT INTO crm_customer_profile (id, user_id, created_at, lifecycle_stage)
SELECT n, CASE WHEN n <= %(customers)s * 4 / 5 THEN n END, now() - n * interval '1 minute',
       (ARRAY['prospect', 'first_time', 'repeat', 'loyal', 'at_risk', 'lapsed', 'won_back'])[n %% 7 + 1]
FROM generate_series(1, %(customers)s) AS n;

INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
SELECT n, 'unverified_email', 'guest' || n || '@example.com', now()
FROM generate_series(%(customers)s * 4 / 5 + 1, %(customers)s) AS n;

INSERT INTO crm_profile_metrics
    (profile_id, currency, orders_count, gross_spent, refunded, net_spent, last_order_at, rfm_group, predicted_clv)
SELECT n, currency, 1 + hash %% 12, hash %% 100000 / 10.0, 0, hash %% 100000 / 10.0,
       now() - hash %% 500000 * interval '1 minute',
       (ARRAY['champions', 'loyal', 'active', 'promising', 'new', 'dormant'])[hash %% 6 + 1], hash %% 50000 / 10.0
FROM generate_series(1, %(customers)s) AS n, LATERAL (VALUES ('USD'), ('EUR')) AS in_currency (currency),
     LATERAL (SELECT abs(hashtext(n || currency)) AS hash) AS hashed
WHERE CASE currency WHEN 'USD' THEN n %% 10 <> 0 ELSE n %% 5 = 0 END;

INSERT INTO crm_customer_tag (profile_id, name, actor_type, assigned_at)
SELECT n, name, 'system', now()
FROM generate_series(1, %(customers)s) AS n,
     LATERAL (VALUES ('vip', 10), ('press', 1000), ('eu', 2)) AS tags (name, each)
WHERE n %% each = 0;

INSERT INTO crm_consent_record (profile_id, purpose, state, source, text_version, actor_type, recorded_at)
SELECT n, 'marketing_email', CASE WHEN n %% 3 = round THEN 'refused' ELSE 'granted' END, '', round::text, 'system',
       now()
FROM generate_series(1, 2) AS round, generate_series(1, %(customers)s) AS n WHERE n %% 2 = 0;

INSERT INTO crm_customer_segment (id, name, slug, description, query, created_at, updated_at, error)
VALUES (1, 'Big', 'big', '', 'x', now(), now(), '');
INSERT INTO crm_segment_membership (segment_id, profile_id, entered_at)
SELECT 1, n, now() FROM generate_series(1, %(customers)s) AS n WHERE n %% 20 = 0;
ANALYZE
"""

USD = {"currency": "USD"}
SORTS: dict[str, dict[str, Any] | None] = {
    "oldest": None,
    "orders": {"field": "orders_count", "direction": "-"},
    "last order": {"field": "last_order_at", "direction": "-"},
    "last order USD": {"field": "last_order_at", "direction": "-", **USD},
    "net spent": {"field": "net_spent", "direction": "-", **USD},
    "net spent, up": {"field": "net_spent", "direction": "", **USD},
    "predicted": {"field": "predicted_clv", "direction": "-", **USD},
}
WHERES: dict[str, dict[str, Any]] = {
    "tag of 1 in 10": {"tags": {"contains_any": ["vip"]}},
    "tag of 1 in 1,000": {"tags": {"contains_any": ["press"]}},
    "two tags": {"tags": {"contains_all": ["vip", "eu"]}},
    "segment of 1 in 20": {"segment": {"one_of": ["Q3VzdG9tZXJTZWdtZW50OjE="]}},
    "stage": {"lifecycle_stage": {"eq": "at_risk"}},
    "group in USD": {"rfm_group": {"eq": "champions", **USD}},
    "orders >= 12": {"orders_count": {"range": {"gte": 12}}},
    "spent >= 9,900 USD": {"net_spent": {"range": {"gte": 9900}, **USD}},
    "consent refused": {"consent": {"purpose": "marketing_email", "state": "refused"}},
    "nothing said": {"consent": {"purpose": "marketing_email"}},
    "guests": {"is_guest": True},
    "VIP or guest": {"OR": [{"tags": {"contains_any": ["vip"]}}, {"is_guest": True}]},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--explain", metavar="NAME", help="print the plan of one of the lists instead")
    arguments = parser.parse_args()
    with shop_with(arguments.customers):
        measure(arguments.explain)
    return 0


@contextmanager
def shop_with(customers: int) -> Iterator[None]:
    with scratch_database(DATABASE) as connection:
        with timed() as seconds, connection.cursor() as cursor:
            columns, values = _required_of_users(cursor)
            for statement in FILL.format(columns=columns, values=values).split(";"):
                cursor.execute(statement, {"customers": customers})
        report("customers made", seconds(), f"{customers:,}")
        yield


def _required_of_users(cursor: Any) -> tuple[str, str]:
    """The columns of Saleor's users that have neither a default nor a value of ours, and something to put there."""
    cursor.execute(
        """
        SELECT column_name, data_type FROM information_schema.columns
        WHERE table_name = 'account_user' AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
          AND column_name NOT IN
            ('email', 'first_name', 'last_name', 'password', 'is_staff', 'is_active', 'is_superuser')
        """
    )
    something = {"boolean": "true", "jsonb": "'{}'", "uuid": "gen_random_uuid()", "timestamp with time zone": "now()"}
    columns = dict(cursor.fetchall())
    return ", ".join(columns), ", ".join(something.get(kind, "n::text") for kind in columns.values())


def measure(explain: str | None) -> None:
    from saleor_crm_plugin.graphql.lists import Page
    from saleor_crm_plugin.graphql.profiles.search.additions import _named
    from saleor_crm_plugin.graphql.profiles.search.sorting import Sorting
    from saleor_crm_plugin.graphql.profiles.search.where import condition_of, orders_count
    from saleor_crm_plugin.ingestion.consents import apply_consent_policy
    from saleor_crm_plugin.profiles.models import CustomerProfile

    def everybody() -> Any:
        return CustomerProfile.objects.filter(merged_into__isnull=True).alias(found_orders_count=orders_count())

    lists: dict[str, tuple[Any, Sorting]] = {
        name: (everybody(), Sorting.from_argument(sort)) for name, sort in SORTS.items()
    }
    lists |= {name: (everybody().filter(condition_of(where)), Sorting()) for name, where in WHERES.items()}
    lists["search, few"] = (everybody().filter(_named("customer777")), Sorting())
    lists["search, none"] = (everybody().filter(_named("nobody at all")), Sorting())
    if explain:
        found, sorting = lists[explain]
        print(sorting.sorted(found, Page(50)).explain(analyze=True, buffers=True))
        return
    print(f"\n{'ms, 50 rows':<22}{'first':>9}{'middle':>9}{'last':>9}{'count':>9}{'found':>9}")
    for name, (found, sorting) in lists.items():
        rows = list(sorting.sorted(found, Page(50)))
        total = found.count()
        middle = _middle(sorting, found, total)
        times = [
            _milliseconds(lambda: list(sorting.sorted(found, Page(50)))),  # noqa: B023
            _milliseconds(lambda: list(sorting.sorted(found, Page(50, cursor=middle)))) if middle else 0.0,  # noqa: B023
            _milliseconds(lambda: list(sorting.sorted(found, Page(50, backwards=True)))),  # noqa: B023
            _milliseconds(found.count),
        ]
        print(f"{name:<22}" + "".join(f"{value:>9.1f}" for value in times) + f"{total:>9,}", flush=True)
        assert len(rows) == min(51, total)
    print()
    for required in (True, False, False):
        with timed() as seconds:
            refusing = apply_consent_policy(required)
        report(f"consent required: {required}", seconds(), f"{refusing:,} not to be recommended to")


def _middle(sorting: Any, found: Any, total: int) -> Any:
    from saleor_crm_plugin.graphql.lists import Page

    if total < 100:
        return None
    row = list(sorting.sorted(found, Page(total // 2)))[-1]
    return sorting.place_of(sorting.cursor_of(row))


def _milliseconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
