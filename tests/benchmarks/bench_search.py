"""Finding customers: first pages, deep pages and counts of `customerProfiles`, beside plain queries of Django."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.benchmarks import customer_tables, frames
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database

PAGE = 50
CALLS = 3
USD = {"currency": "USD"}

SORTS: dict[str, dict[str, Any] | None] = {
    "oldest first": None,
    "most orders": {"field": "orders_count", "direction": "-"},
    "last order": {"field": "last_order_at", "direction": "-"},
    "last order in USD": {"field": "last_order_at", "direction": "-", **USD},
    "most spent in USD": {"field": "net_spent", "direction": "-", **USD},
    "least spent in USD": {"field": "net_spent", "direction": "", **USD},
    "predicted in USD": {"field": "predicted_clv", "direction": "-", **USD},
}
WHERES: dict[str, dict[str, Any]] = {
    "tag of 1 in 10": {"tags": {"contains_any": ["vip"]}},
    "tag of 1 in 1,000": {"tags": {"contains_any": ["press"]}},
    "two tags": {"tags": {"contains_all": ["vip", "eu"]}},
    "stage": {"lifecycle_stage": {"eq": "at_risk"}},
    "group in USD": {"rfm_group": {"eq": "champions", **USD}},
    "orders >= 12": {"orders_count": {"range": {"gte": 12}}},
    "spent >= 1,000 USD": {"net_spent": {"range": {"gte": Decimal(1000)}, **USD}},
    "consent refused": {"consent": {"purpose": "marketing_email", "state": "refused"}},
    "guests": {"is_guest": True},
    "VIP or guest": {"OR": [{"tags": {"contains_any": ["vip"]}}, {"is_guest": True}]},
}
SEARCHES = {"search, few": "customer777", "search, none": "nobody at all"}

Plain = Callable[[], Any]


def measure(bench: Bench) -> None:
    customers = bench.size(100_000, 1_000)
    with scratch_database("bench_search") as connection:
        fill(connection, customers)
        for name, found, sorting, plain in lists():
            one_list(bench, name, found, sorting, plain, customers)


def fill(connection: Any, customers: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.profiles.metrics import refresh_metrics
    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    customer_tables.fill_people(connection, customers)
    customer_tables.fill_orders(connection, customers, 4 * customers)
    refresh_metrics()
    refresh_rfm(365, timezone.now())
    frames.run(
        connection, "UPDATE crm_profile_metrics SET predicted_clv = net_spent * (profile_id % 7)", "VACUUM ANALYZE"
    )


def lists() -> list[tuple[str, Any, Any, Any]]:
    """Name, whom we find, how they are sorted, and the queryset of somebody who has neither pages nor merges."""
    from django.db.models import Exists, Max, OuterRef, Q, Sum

    from saleor_crm_plugin.graphql.profiles.search.additions import _named
    from saleor_crm_plugin.graphql.profiles.search.sorting import Sorting
    from saleor_crm_plugin.graphql.profiles.search.where import condition_of, orders_count
    from saleor_crm_plugin.profiles.consents.models import ConsentRecord
    from saleor_crm_plugin.profiles.models import CustomerProfile
    from saleor_crm_plugin.profiles.notes.models import CustomerTag

    everybody = CustomerProfile.objects.filter(merged_into__isnull=True).alias(found_orders_count=orders_count())
    plain = CustomerProfile.objects.order_by("created_at")
    in_usd = CustomerProfile.objects.filter(metrics__currency="USD")
    summed = CustomerProfile.objects.annotate(orders_in_all=Sum("metrics__orders_count"))

    def tagged(*names: str) -> Any:
        return Exists(CustomerTag.objects.filter(profile=OuterRef("pk"), name__in=names))

    refused = ConsentRecord.objects.filter(profile=OuterRef("pk"), purpose="marketing_email", state="refused")
    plainly = {
        "oldest first": plain,
        "most orders": summed.order_by("-orders_in_all"),
        "last order": CustomerProfile.objects.annotate(last=Max("metrics__last_order_at")).order_by("-last"),
        "last order in USD": in_usd.order_by("-metrics__last_order_at"),
        "most spent in USD": in_usd.order_by("-metrics__net_spent"),
        "least spent in USD": in_usd.order_by("metrics__net_spent"),
        "predicted in USD": in_usd.order_by("-metrics__predicted_clv"),
        "tag of 1 in 10": plain.filter(tagged("vip")),
        "tag of 1 in 1,000": plain.filter(tagged("press")),
        "two tags": plain.filter(tagged("vip"), tagged("eu")),
        "stage": plain.filter(lifecycle_stage="at_risk"),
        "group in USD": plain.filter(metrics__currency="USD", metrics__rfm_group="champions"),
        "orders >= 12": summed.filter(orders_in_all__gte=12).order_by("created_at"),
        "spent >= 1,000 USD": plain.filter(metrics__currency="USD", metrics__net_spent__gte=1000),
        "consent refused": plain.filter(Exists(refused)),
        "guests": plain.filter(user__isnull=True),
        "VIP or guest": plain.filter(Q(tagged("vip")) | Q(user__isnull=True)),
    }
    rows = [(name, everybody, Sorting.from_argument(sort), plainly[name]) for name, sort in SORTS.items()]
    rows += [(name, everybody.filter(condition_of(where)), Sorting(), plainly[name]) for name, where in WHERES.items()]
    for name, text in SEARCHES.items():
        like = Q(identities__value__icontains=text)
        for field in ("email", "first_name", "last_name"):
            like |= Q(**{f"user__{field}__icontains": text})
        rows.append((name, everybody.filter(_named(text)), Sorting(), plain.filter(like).distinct()))
    return rows


def one_list(bench: Bench, name: str, found: Any, sorting: Any, plain: Any, customers: int) -> None:
    from saleor_crm_plugin.graphql.lists import Page

    total = found.count()
    bench.measure(
        f"{name}: first page",
        [lambda: list(sorting.sorted(found, Page(PAGE)))] * CALLS,
        [lambda: list(plain[: PAGE + 1])] * CALLS,
        beside="plain query",
        size=customers,
        note=f"{total:,} found",
    )
    if total >= 4 * PAGE:
        row = list(sorting.sorted(found, Page(total // 2)))[-1]
        middle = Page(PAGE, cursor=sorting.place_of(sorting.cursor_of(row)))
        bench.measure(
            f"{name}: middle page",
            [lambda: list(sorting.sorted(found, middle))] * CALLS,
            [lambda: list(plain[total // 2 : total // 2 + PAGE + 1])] * CALLS,
            beside="the same with OFFSET",
            size=customers,
        )
    # However they are sorted, they are as many.
    if name in WHERES or name in SEARCHES:
        bench.measure(
            f"{name}: count",
            [found.count] * CALLS,
            [plain.count] * CALLS,
            beside="plain count",
            size=customers,
        )
