"""Lifetime value: fits beside `lifetimes`, of CDNOW and of a million customers, and a night in a shop."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.benchmarks import cdnow
from tests.benchmarks.figures import Budget
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database, set_up_django

NOW = datetime.datetime(2026, 3, 1, 2, 40, tzinfo=datetime.UTC)
DAYS_KNOWN = 3 * 365

# Fader, Hardie & Lee (2005), table 2.
PUBLISHED = (0.243, 4.414, 0.793, 2.426)

Fit = Callable[[], Any]


def measure(bench: Bench) -> None:
    set_up_django()
    warnings.simplefilter("ignore")
    on_cdnow(bench)
    million(bench, bench.size(1_000_000, 2_000))
    night(bench, bench.size(100_000, 2_000))


def on_cdnow(bench: Bench) -> None:
    from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
    from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import GammaGamma
    from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD

    import lifetimes  # isort: skip

    shop = cdnow.read()
    customers, some = shop.calibration, shop.values > 0
    columns = customers.repeats.astype(float), customers.recency, customers.age
    purchases, means = customers.repeats[some], shop.values[some]

    def values() -> Any:
        return GammaGamma.fit(purchases, means)

    def their_values() -> Any:
        return lifetimes.GammaGammaFitter().fit(purchases, means)

    def pair(first: Fit, second: Fit) -> Fit:
        return lambda: (first(), second())

    fits: dict[str, tuple[Fit, Fit]] = {
        "BG/NBD": (lambda: BGNBD.fit(customers), lambda: lifetimes.BetaGeoFitter().fit(*columns)),
        "MBG/NBD": (lambda: MBGNBD.fit(customers), lambda: lifetimes.ModifiedBetaGeoFitter().fit(*columns)),
        "Pareto/NBD": (lambda: ParetoNBD.fit(customers), lambda: lifetimes.ParetoNBDFitter().fit(*columns)),
        "Gamma-Gamma": (values, their_values),
    }
    ours, theirs = fits["BG/NBD"]
    fits = {"BG/NBD and Gamma-Gamma": (pair(ours, values), pair(theirs, their_values)), **fits}
    for name, (ours, theirs) in fits.items():
        bench.measure(
            f"fit {name}, CDNOW",
            ours,
            theirs,
            beside="lifetimes",
            count_statements=False,
            size=len(customers),
            budgets=[Budget("ratio", 1 / 12)] if name.startswith("BG/NBD and") else (),
        )
    model, _ = BGNBD.fit(customers)
    bench.say(
        "BG/NBD, CDNOW: furthest from the published",
        float(np.abs(np.array(model.parameters) - PUBLISHED).max()),
        budgets=(Budget("value", 0.0005),),
        note="r, alpha, a, b; in weeks",
    )


def million(bench: Bench, count: int) -> None:
    """Three years of customers who buy and leave as Pareto/NBD says."""
    from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD
    from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import GammaGamma
    from saleor_crm_plugin.profiles.clv.learning.histories import histories

    import lifetimes  # isort: skip

    repeats, recency, age, _ = lives(count, mean_gap_days=120)
    customers, some = histories(repeats, recency, age), repeats > 0
    dice = np.random.default_rng(3)
    purchases = repeats[some]
    means = dice.gamma(6 * purchases) / (purchases * dice.gamma(4, 1 / 15, len(purchases)))
    columns = repeats.astype(float), recency.astype(float), age.astype(float)

    def ours() -> None:
        BGNBD.fit(customers)
        GammaGamma.fit(purchases, means)

    def theirs() -> None:
        lifetimes.BetaGeoFitter().fit(*columns)
        lifetimes.GammaGammaFitter().fit(purchases, means)

    bench.measure(
        "fit BG/NBD and Gamma-Gamma, simulated",
        ours,
        theirs,
        beside="lifetimes",
        count_statements=False,
        size=count,
        budgets=[Budget("seconds", 5), Budget("peak_mb", 1000)],
    )
    model, _ = BGNBD.fit(customers)
    fitted = lifetimes.BetaGeoFitter().fit(*columns)
    for name, score, other in (
        (
            "orders of a year",
            lambda: model.expected_purchases(customers, 365),
            lambda: fitted.conditional_expected_number_of_purchases_up_to_time(365, *columns),
        ),
        (
            "probability alive",
            lambda: model.probability_alive(customers),
            lambda: fitted.conditional_probability_alive(*columns),
        ),
    ):
        bench.measure(f"score: {name}", score, other, beside="lifetimes", count_statements=False, size=count)


def lives(count: int, mean_gap_days: float) -> tuple[Any, Any, Any, Any]:
    """Repeats, recency and age in days, and how long each customer stayed."""
    generator = np.random.default_rng(1)
    age = generator.integers(0, DAYS_KNOWN + 1, count)
    rate = generator.gamma(0.8, 1 / (0.8 * mean_gap_days), count)
    stays = np.minimum(age, generator.exponential(1 / generator.gamma(0.7, 1 / 250, count)))
    repeats = generator.poisson(rate * stays)
    # The last of so many moments at random.
    recency = np.ceil(stays * generator.uniform(size=count) ** (1 / np.maximum(repeats, 1))).astype(np.int64)
    recency = np.where(repeats > 0, np.minimum(recency, age), 0)
    return np.minimum(repeats, recency), recency, age, stays


def night(bench: Bench, count: int) -> None:
    """What the command does each night, beside what an analyst would write."""
    with shop_with(count) as connection:
        from saleor_crm_plugin.config import CRMSettings
        from saleor_crm_plugin.ingestion.forecasts import forecast_now

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM crm_profile_order")
            orders = cursor.fetchone()[0]
        bench.measure(
            "night: read, fit, score, store",
            lambda: forecast_now(CRMSettings(), NOW),
            lambda: _analysts_night(connection),
            beside="pandas + lifetimes",
            size=count,
            note=f"{orders:,} orders",
        )


def _analysts_night(connection: Any) -> None:
    import lifetimes
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    with connection.cursor() as cursor:
        cursor.execute("SELECT profile_id, placed_at, gross_amount - refunded_amount FROM crm_profile_order")
        orders = pd.DataFrame(cursor.fetchall(), columns=["customer", "at", "amount"])
    orders["amount"] = orders["amount"].astype(float)
    orders["at"] = orders["at"].dt.tz_localize(None)
    table = summary_data_from_transaction_data(
        orders, "customer", "at", "amount", observation_period_end=NOW.replace(tzinfo=None)
    )
    columns = table.frequency, table.recency, table["T"]
    fitted = lifetimes.BetaGeoFitter(penalizer_coef=0.001).fit(*columns)
    bought = table[(table.frequency > 0) & (table.monetary_value > 0)]
    values = lifetimes.GammaGammaFitter(penalizer_coef=0.001).fit(bought.frequency, bought.monetary_value)
    worth = values.conditional_expected_average_profit(table.frequency, table.monetary_value)
    table["alive"] = fitted.conditional_probability_alive(*columns)
    table["value"] = fitted.conditional_expected_number_of_purchases_up_to_time(365, *columns) * worth
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS analysis (customer bigint, alive float, value float)")
        cursor.execute("TRUNCATE analysis")
        with cursor.copy("COPY analysis FROM STDIN") as copy:
            for row in table[["alive", "value"]].itertuples():
                copy.write_row(row)


@contextmanager
def shop_with(count: int) -> Iterator[Any]:
    """So many customers with ten orders each on average, in a database of their own."""
    with scratch_database("bench_clv") as connection:
        from saleor_crm_plugin.profiles.metrics import refresh_metrics

        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO crm_customer_profile (id, created_at) SELECT n, now() FROM generate_series(1, %s) n",
                [count],
            )
            with cursor.copy(
                "COPY crm_profile_order (order_id, profile_id, channel_id, currency, placed_at, counts, gross_amount,"
                " refunded_amount) FROM STDIN"
            ) as copy:
                for number, (profile_id, placed_at, amount) in enumerate(_orders(count), 1):
                    copy.write(f"{number:032x}\t{profile_id}\t1\tUSD\t{placed_at}\ttrue\t{amount}\t0\n")
            cursor.execute("ANALYZE")
        refresh_metrics()
        yield connection


def _orders(count: int) -> Iterator[tuple[int, str, int]]:
    generator = np.random.default_rng(2)
    repeats, _, age, stays = lives(count, mean_gap_days=35)
    for profile_id, (x, days, stay) in enumerate(zip(repeats.tolist(), age.tolist(), stays.tolist(), strict=True), 1):
        first = NOW - datetime.timedelta(days=days, hours=1)
        worth = generator.uniform(20, 60)
        for offset in [0.0, *generator.uniform(0, stay, x)]:
            placed_at = first + datetime.timedelta(days=offset)
            yield profile_id, placed_at.isoformat(), int(worth * generator.uniform(0.5, 2))
