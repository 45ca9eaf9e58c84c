"""The nightly jobs over all customers: metrics, RFM, lifecycle stages and types, beside polars, pandas and SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.benchmarks import customer_tables, frames
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database

ORDERS_EACH = 10
RFM_DAYS = 365

_METRICS = """
CREATE TEMPORARY TABLE sums AS
SELECT profile_id, currency, count(*) FILTER (WHERE counts) AS orders, sum(gross_amount) FILTER (WHERE counts) AS gross,
    sum(refunded_amount) FILTER (WHERE counts) AS refunded, min(placed_at) FILTER (WHERE counts) AS first_at,
    max(placed_at) FILTER (WHERE counts) AS last_at, sum(items) FILTER (WHERE counts) AS items,
    sum(returned_items) FILTER (WHERE counts) AS returned
FROM crm_profile_order GROUP BY profile_id, currency
"""
# Whoever is silent for twice as long as usual is at risk; without what the customer was before, and without events.
_STAGES = """
UPDATE crm_customer_profile profile SET lifecycle_stage = stage
FROM (
    SELECT profile.id, CASE
        WHEN history.orders IS NULL THEN 'prospect'
        WHEN %(now)s - last_at > 4 * usual THEN 'lapsed' WHEN %(now)s - last_at > 2 * usual THEN 'at_risk'
        WHEN history.orders >= 4 THEN 'loyal' WHEN history.orders > 1 THEN 'repeat' ELSE 'first_time' END AS stage
    FROM crm_customer_profile profile LEFT JOIN (
        SELECT profile_id, count(*) AS orders, max(placed_at) AS last_at,
            coalesce((max(placed_at) - min(placed_at)) / nullif(count(*) - 1, 0), interval '90 days') AS usual
        FROM crm_profile_order WHERE counts GROUP BY profile_id
    ) history ON history.profile_id = profile.id
) wanted
WHERE wanted.id = profile.id AND lifecycle_stage <> stage
"""
_TYPES = """
UPDATE crm_customer_profile profile SET customer_type = wanted.type
FROM (
    SELECT fact.profile_id, CASE WHEN 2 * count(*) FILTER (WHERE btrim(address.company_name) <> '') > count(*)
        OR bool_or(placed.metadata ? 'vat') THEN 'b2b' ELSE 'b2c' END AS type
    FROM crm_profile_order fact
    JOIN order_order placed ON placed.id = fact.order_id
    LEFT JOIN account_address address ON address.id = placed.billing_address_id
    WHERE fact.counts GROUP BY fact.profile_id
) wanted
WHERE wanted.profile_id = profile.id AND profile.customer_type <> wanted.type
"""
_FAVORITES = """
SELECT product.category_id, count(DISTINCT fact.order_id) AS orders, sum(line.quantity)
FROM crm_profile_order fact
JOIN order_orderline line ON line.order_id = fact.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id
JOIN product_product product ON product.id = variant.product_id
WHERE fact.profile_id = %s AND fact.counts GROUP BY 1 ORDER BY 2 DESC, 3 DESC LIMIT 10
"""


def measure(bench: Bench) -> None:
    customers = bench.size(30_000, 500)
    with scratch_database("bench_customers") as connection:
        customer_tables.fill_people(connection, customers)
        customer_tables.fill_orders(connection, customers, customers * ORDERS_EACH)
        customer_tables.fill_shop(connection, customers, customers * ORDERS_EACH)
        metrics(bench, connection, customers)
        rfm(bench, connection, customers)
        stages(bench, connection, customers)
        types(bench, connection, customers)
        favorites(bench, connection)


def metrics(bench: Bench, connection: Any, customers: int) -> None:
    from saleor_crm_plugin.profiles.metrics import refresh_metrics

    def forget() -> None:
        frames.run(connection, "TRUNCATE crm_profile_metrics")

    bench.measure(
        "metrics of all, the first time",
        refresh_metrics,
        **frames.by("polars", lambda: polars_metrics(connection), "polars, COPY"),
        before=forget,
        size=customers,
        note=f"{ORDERS_EACH} orders each",
    )
    refresh_metrics()
    frames.run(connection, "VACUUM ANALYZE crm_profile_metrics")
    bench.measure(
        "metrics of all, nothing new",
        refresh_metrics,
        lambda: frames.run(connection, _METRICS),
        beside="GROUP BY into a table",
        before=lambda: frames.run(connection, "DROP TABLE IF EXISTS sums"),
        size=customers,
    )


def polars_metrics(connection: Any) -> None:
    import polars as pl

    orders = frames.read_polars(
        connection,
        "SELECT profile_id, currency, gross_amount, refunded_amount, placed_at, items, returned_items"
        " FROM crm_profile_order WHERE counts",
    )
    found = orders.group_by("profile_id", "currency").agg(
        pl.len().alias("orders"),
        pl.col("gross_amount").sum().alias("gross"),
        pl.col("refunded_amount").sum().alias("refunded"),
        pl.col("placed_at").min().alias("first_at"),
        pl.col("placed_at").max().alias("last_at"),
        pl.col("items").sum(),
        pl.col("returned_items").sum(),
    )
    frames.write(
        connection,
        "profile bigint, currency text, orders int, gross numeric, refunded numeric, first_at timestamptz,"
        " last_at timestamptz, items int, returned_items int",
        found,
    )


def rfm(bench: Bench, connection: Any, customers: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    now = timezone.now()

    def forget() -> None:
        frames.run(
            connection,
            "UPDATE crm_profile_metrics SET recency_score = NULL, frequency_score = NULL, monetary_score = NULL,"
            " rfm_group = ''",
            "VACUUM ANALYZE crm_profile_metrics",
        )

    for name, before in (("the first time", forget), ("nothing new", None)):
        bench.measure(
            f"RFM of all, {name}",
            lambda: refresh_rfm(RFM_DAYS, now),
            **frames.by("pandas", lambda: pandas_rfm(connection, now), "pandas, COPY"),
            before=before,
            size=customers,
        )


def pandas_rfm(connection: Any, now: datetime) -> None:
    since = now - timedelta(days=RFM_DAYS)
    orders = frames.read_pandas(
        connection,
        "SELECT profile_id, currency, placed_at, gross_amount - refunded_amount AS net FROM crm_profile_order"
        f" WHERE counts AND placed_at > '{since.isoformat()}' AND placed_at <= '{now.isoformat()}'",
        dates=("placed_at",),
    )
    found = orders.groupby(["profile_id", "currency"], as_index=False).agg(
        last=("placed_at", "max"), orders=("placed_at", "size"), net=("net", "sum")
    )
    for column in ("last", "orders", "net"):
        share = found.groupby("currency")[column].rank(pct=True)
        found[column] = (share * 5).clip(upper=4.999).astype(int) + 1
    frames.write(connection, "profile bigint, currency text, recency int, frequency int, monetary int", found)


def stages(bench: Bench, connection: Any, customers: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.config import CRMSettings
    from saleor_crm_plugin.ingestion.lifecycle import refresh_all_stages

    now, settings = timezone.now(), CRMSettings()

    def forget() -> None:
        frames.run(
            connection,
            "UPDATE crm_customer_profile SET lifecycle_stage = '', lifecycle_since = NULL, found_quiet_at = NULL",
            "TRUNCATE crm_profile_event",
            "VACUUM ANALYZE crm_customer_profile",
        )

    def again() -> None:
        forget()
        refresh_all_stages(settings, now)

    for name, before, moment in (
        ("the first time", forget, now),
        ("100 days later", again, now + timedelta(days=100)),
    ):
        bench.measure(
            f"lifecycle stages of all, {name}",
            lambda moment=moment: refresh_all_stages(settings, moment),  # type: ignore[misc]
            lambda moment=moment: frames.run(connection, _STAGES, values={"now": moment}),  # type: ignore[misc]
            beside="UPDATE by simpler rules",
            before=before,
            size=customers,
            note="ours writes an event for each change" if before is again else "",
        )


def types(bench: Bench, connection: Any, customers: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.config import CRMSettings
    from saleor_crm_plugin.ingestion.customer_types import refresh_all_types

    now, settings = timezone.now(), CRMSettings()
    bench.measure(
        "types of all",
        lambda: refresh_all_types(settings, now),
        lambda: frames.run(connection, _TYPES),
        beside="UPDATE of all at once",
        before=lambda: frames.run(
            connection, "UPDATE crm_customer_profile SET customer_type = 'b2c'", "VACUUM ANALYZE crm_customer_profile"
        ),
        size=customers,
    )


def favorites(bench: Bench, connection: Any) -> None:
    from saleor_crm_plugin.ingestion.favorites import favorite_categories

    page = list(range(101, 201))

    def one_by_one() -> None:
        with connection.cursor() as cursor:
            for profile_id in page:
                cursor.execute(_FAVORITES, [profile_id])
                cursor.fetchall()

    bench.measure(
        "favourite categories of 100 customers",
        lambda: favorite_categories(page, 10, "default"),
        one_by_one,
        beside="100 plain statements",
    )
