"""How long lifetime value takes, and how much memory.

    python -m tests.benchmarks.bench_clv                # fits against `lifetimes`, and a million simulated customers
    python -m tests.benchmarks.bench_clv --full         # 100,000 customers and 1,000,000 orders in PostgreSQL

Each measured part runs in a process of its own, so that its peak memory is its own. PostgreSQL's is not counted.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.benchmarks import cdnow
from tests.benchmarks.bench_training import _measured, report, timed

REPEATS = 9
NOW = datetime.datetime(2026, 3, 1, 2, 40, tzinfo=datetime.UTC)
DAYS_KNOWN = 3 * 365
_DATABASE = "bench_clv"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, help="simulated customers (default: 1,000,000; 100,000 with --full)")
    parser.add_argument("--full", action="store_true", help="with PostgreSQL: read, fit, score, store")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} CPUs")
    if arguments.full:
        with shop_with(arguments.customers or 100_000):
            return _measured(forecast_in_shop)
    return _measured(against_lifetimes) or _measured(simulated, arguments.customers or 1_000_000)


def against_lifetimes() -> None:
    """The same fits on CDNOW, in turn; medians."""
    from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
    from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import GammaGamma
    from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD

    warnings.simplefilter("ignore")
    import lifetimes

    shop = cdnow.read()
    customers, some = shop.calibration, shop.values > 0
    columns = customers.repeats.astype(float), customers.recency, customers.age
    purchases, means = customers.repeats[some], shop.values[some]
    fits: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "BG/NBD": (lambda: BGNBD.fit(customers), lambda: lifetimes.BetaGeoFitter().fit(*columns)),
        "MBG/NBD": (lambda: MBGNBD.fit(customers), lambda: lifetimes.ModifiedBetaGeoFitter().fit(*columns)),
        "Pareto/NBD": (lambda: ParetoNBD.fit(customers), lambda: lifetimes.ParetoNBDFitter().fit(*columns)),
        "Gamma-Gamma": (
            lambda: GammaGamma.fit(purchases, means),
            lambda: lifetimes.GammaGammaFitter().fit(purchases, means),
        ),
    }
    print(f"\n{'CDNOW, 2,357 customers':<28}{'ours ms':>9}{'lifetimes':>11}{'times':>7}")
    for name, (ours, theirs) in fits.items():
        pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(REPEATS)]
        mine, their = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"{name:<28}{mine * 1000:>9.1f}{their * 1000:>11.1f}{their / mine:>7.1f}", flush=True)


def simulated(count: int) -> None:
    """Three years of customers who buy and leave as Pareto/NBD says."""
    from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
    from saleor_crm_plugin.profiles.clv.learning.histories import grouped, histories
    from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD

    repeats, recency, age, _ = lives(count, mean_gap_days=120)
    print(f"\n{count:,} simulated customers, {int(repeats.sum()) + count:,} purchases")
    print(f"{'stage':<28}{'seconds':>9}{'peak MB':>9}  what")
    report("given", 0.0, "")
    customers = histories(repeats, recency, age)
    with timed() as seconds:
        groups = grouped(customers)
    report("group", seconds(), f"{len(groups):,} groups")
    for kind in (BGNBD, MBGNBD, ParetoNBD):
        cpu = time.process_time()
        with timed() as seconds:
            model, wrong = kind.fit(customers)
        cpu = time.process_time() - cpu
        report(f"fit {kind.name}", seconds(), f"{cpu:.1f} s CPU, {np.round(model.parameters, 3)} {wrong or ''}")
        for what, score in (
            ("orders", lambda m=model: m.expected_purchases(customers, 365)),
            ("P(alive)", lambda m=model: m.probability_alive(customers)),
            ("churn", lambda m=model: m.probability_of_none(customers, 365)),
            ("next order", lambda m=model: m.days_to_next(customers, 365)),
        ):
            with timed() as seconds:
                score()
            report(f"  {what}", (spent := seconds()), f"{count / spent / 1e6:.2f} million a second")


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


def forecast_in_shop() -> None:
    """`forecast_now`, as the command calls it, on two nights."""
    _set_up_django(test_database=True)
    from django.db import connection

    from saleor_crm_plugin.config import CRMSettings
    from saleor_crm_plugin.ingestion.forecasts import forecast_now

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT profile_id) FROM crm_profile_order")
        orders, customers = cursor.fetchone()
    print(f"\n{customers:,} customers, {orders:,} orders")
    print(f"{'stage':<28}{'seconds':>9}{'peak MB':>9}  what")
    report("start", 0.0, "Django, numpy, scipy")
    for what, now in (("first night", NOW), ("next night", NOW + datetime.timedelta(days=1))):
        moments: list[tuple[str, float]] = []

        def progress(stage: str, done: int, moments: list[tuple[str, float]] = moments) -> None:
            if not moments or moments[-1][0] != stage:
                moments.append((stage, time.perf_counter()))

        began, cpu = time.perf_counter(), time.process_time()
        (fit,) = forecast_now(CRMSettings(), now, progress=progress)
        ended = time.perf_counter()
        # Progress of reading is told after the first rows.
        starts = [began, *(moment for _, moment in moments[1:]), ended]
        for (stage, _), start, end in zip(moments, starts, starts[1:], strict=False):
            report(f"  {stage}", end - start, "")
        cpu = time.process_time() - cpu
        report(what, ended - began, f"{cpu:.1f} s of it Python's; {fit.model}, {fit.scored_customers:,} scored")


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _set_up_django(test_database: bool) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.devshop.settings")
    sys.path.append(os.path.join(os.path.dirname(__file__), "..", "devshop"))
    import django
    from django.db import connections

    django.setup()
    if test_database:
        for alias in connections:
            connections[alias].settings_dict["NAME"] = _DATABASE


@contextmanager
def shop_with(count: int) -> Iterator[None]:
    """So many customers with ten orders each on average, in a database of their own."""
    _set_up_django(test_database=False)
    from django.db import connection

    from saleor_crm_plugin.profiles.metrics import refresh_metrics

    connection.settings_dict["TEST"]["NAME"] = _DATABASE
    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO crm_customer_profile (id, created_at) SELECT n, now() FROM generate_series(1, %s) n",
                [count],
            )
            with cursor.copy(
                "COPY crm_profile_order (order_id, profile_id, channel_id, currency, placed_at, counts, gross_amount,"
                " refunded_amount) FROM STDIN"
            ) as copy:
                for number, (profile_id, placed_at, amount) in enumerate(_orders(count)):
                    order_id = uuid.UUID(int=number + 1)
                    copy.write(f"{order_id}\t{profile_id}\t1\tUSD\t{placed_at}\ttrue\t{amount}\t0\n")
            cursor.execute("ANALYZE")
        refresh_metrics()
        connection.close()
        yield
    finally:
        connection.creation.destroy_test_db(old_name, verbosity=0)


def _orders(count: int) -> Iterator[tuple[int, str, int]]:
    generator = np.random.default_rng(2)
    repeats, _, age, stays = lives(count, mean_gap_days=35)
    for profile_id, (x, days, stay) in enumerate(zip(repeats.tolist(), age.tolist(), stays.tolist(), strict=True), 1):
        first = NOW - datetime.timedelta(days=days, hours=1)
        worth = generator.uniform(20, 60)
        for offset in [0.0, *generator.uniform(0, stay, x)]:
            yield (
                profile_id,
                (first + datetime.timedelta(days=offset)).isoformat(),
                int(worth * generator.uniform(0.5, 2)),
            )


if __name__ == "__main__":
    sys.exit(main())
