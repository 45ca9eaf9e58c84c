"""How long training takes, and how much memory.

    python -m tests.benchmarks.bench_training               # the learner alone, without Django, with and without tuning
    python -m tests.benchmarks.bench_training --full        # read from, and stored in, the stand-in shop's PostgreSQL
    python -m tests.benchmarks.bench_training --copies 4    # every household four times: is it linear?
    python -m tests.benchmarks.bench_training --split 60    # each household as 60 customers: many small lists

The measured part runs in a process of its own, so that its peak memory is its own. PostgreSQL's is not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases
from tests.benchmarks import complete_journey
from tests.benchmarks.scratch import milliseconds, scratch_database, set_up_django, timed

Report = Callable[[str, float, str], None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, help="the first N households only (default: all 2,469)")
    parser.add_argument("--copies", type=int, default=1, help="each household so many times (default: 1)")
    parser.add_argument("--split", type=int, default=1, help="each household as so many customers (default: 1)")
    parser.add_argument("--full", action="store_true", help="with PostgreSQL: read the lines, store the model")
    arguments = parser.parse_args()
    purchases = copied(complete_journey.read(arguments.households), arguments.copies)
    purchases = replace(
        purchases, customers=purchases.customers * arguments.split + purchases.baskets % arguments.split
    )
    print(f"{len(purchases.days):,} lines, {len(np.unique(purchases.customers)):,} customers, {os.cpu_count()} CPUs")
    print(f"{'stage':<28}{'seconds':>9}{'peak MB':>9}  what")
    if arguments.full:
        with shop_with(purchases):
            return _measured(train_in_shop)
    return _measured(learn, purchases, False) or _measured(learn, purchases, True)


def copied(purchases: Purchases, copies: int) -> Purchases:
    """As many times the households, each with baskets of its own, and the same products."""
    if copies == 1:
        return purchases
    households, baskets = purchases.customers.max() + 1, purchases.baskets.max() + 1
    shifts = np.repeat(np.arange(copies), len(purchases.days))
    return replace(
        purchases,
        customers=np.tile(purchases.customers, copies) + shifts * households,
        products=np.tile(purchases.products, copies),
        baskets=np.tile(purchases.baskets, copies) + shifts * baskets,
        channels=np.tile(purchases.channels, copies),
        days=np.tile(purchases.days, copies),
        quantities=np.tile(purchases.quantities, copies),
        prices=np.tile(purchases.prices, copies),
    )


def _measured(part: Callable[..., None], *arguments: object) -> int:
    process = multiprocessing.get_context("spawn").Process(target=part, args=arguments)
    process.start()
    process.join()
    return process.exitcode or 0


def learn(purchases: Purchases, tuning: bool) -> None:
    """The learner alone; the memory includes the purchases it was given."""
    from saleor_crm_plugin.recommendations.learning.judgement import summary
    from saleor_crm_plugin.recommendations.learning.parameters import Parameters
    from saleor_crm_plugin.recommendations.learning.recommender import Recommender

    report(f"given, {'with' if tuning else 'without'} tuning", 0.0, "")
    with timed() as seconds:
        history = purchases.history(complete_journey.day("2018-01-02"))
    report("sort the lines", seconds(), f"{len(history):,} lines")
    processed = time.process_time()
    with timed() as seconds:
        recommender = Recommender.tuned(history, Parameters()) if tuning else Recommender.fit(history)
    report("tune and learn" if tuning else "learn", seconds(), f"{time.process_time() - processed:.0f} s of processor")
    with timed() as seconds:
        products = sum(1 for _ in recommender.completing_lists()) + sum(1 for _ in recommender.similar_lists())
    report("lists of products", seconds(), f"{products:,} lists")
    with timed() as seconds:
        customers = sum(1 for _ in recommender.personal_lists())
    report("lists of customers", seconds(), f"{customers:,} lists")
    selection = recommender.selection
    for question, methods in summary(selection.comparison, selection.rankers is not None).items():
        print(
            question, {name: {key: round(value, 4) for key, value in found.items()} for name, found in methods.items()}
        )
    for note in selection.notes:
        print(note)


def train_in_shop() -> None:
    """`train_now`, as the command calls it, and then some lists served."""
    set_up_django(_DATABASE)
    from django.db import connection

    from saleor_crm_plugin.ingestion.train import train_now
    from saleor_crm_plugin.management.versions import evaluation_lines
    from saleor_crm_plugin.recommendations import serving
    from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
    from tests.recommending import for_basket, for_customer, for_products

    report("start", 0.0, "Django, numpy, scipy")
    # The second one keeps what the first one chose, as six nights of seven do.
    for tune in (True, False):
        stages: list[tuple[str, float]] = []
        began, processed = time.perf_counter(), time.process_time()

        def progress(stage: str, done: int, total: int | None, stages: list[tuple[str, float]] = stages) -> None:
            if not stages or stages[-1][0] != stage:
                stages.append((stage, time.perf_counter()))

        model = train_now(progress=progress, tune=tune)
        ended = time.perf_counter()
        ends = [when for _, when in stages[1:]] + [ended]
        for (stage, when), end in zip(stages, ends, strict=True):
            report(stage, end - when, "")
        what = f"{time.process_time() - processed:.0f} s of processor; {model.training_data}"
        report("tune, train and store" if tune else "train and store", ended - began, what)
        for line in evaluation_lines(model.evaluation):
            print(line)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT min(id) FROM channel_channel")
        channel_id = cursor.fetchone()[0]
        cursor.execute("SELECT profile_id FROM crm_personal_recommendations ORDER BY profile_id LIMIT 200")
        profile_ids = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT DISTINCT product_id FROM crm_product_affinity ORDER BY 1 LIMIT 200")
        product_ids = [row[0] for row in cursor.fetchall()]
    together = serving.RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER
    calls: dict[str, list[Callable[[], object]]] = {
        "FOR_YOU, 10": [lambda i=i: for_customer(i, channel_id, 10) for i in profile_ids],
        "FOR_YOU, 100": [lambda i=i: for_customer(i, channel_id, 100) for i in profile_ids],
        "anonymous, 10": [lambda: for_customer(None, channel_id, 10)] * 200,
        "together, 10": [lambda i=i: for_products([i], together, channel_id, 10) for i in product_ids],
        "similar, 10": [
            lambda i=i: for_products([i], serving.RecommendationKind.SIMILAR, channel_id, 10) for i in product_ids
        ],
        "together, 100 products": [lambda: for_products(product_ids[:100], together, channel_id, 10)] * 20,
        "basket of 20": [lambda i=i: for_basket(product_ids[i : i + 20], channel_id, 10) for i in range(150)],
    }
    print(f"\n{'served':<28}{'median ms':>10}{'p95 ms':>9}")
    for name, some in calls.items():
        _serve(name, some)
    RecommendationModel.objects.update(status=ModelStatus.RETIRED)
    _serve("without any model, 10", [lambda: for_customer(None, channel_id, 10)] * 50)


def _serve(name: str, calls: list[Callable[[], object]]) -> None:
    times = sorted(milliseconds(call) for call in calls)
    print(f"{name:<28}{times[len(times) // 2]:>10.2f}{times[int(len(times) * 0.95)]:>9.2f}")


def report(stage: str, seconds: float, what: str) -> None:
    # Not getrusage: its peak includes that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
    print(f"{stage:<28}{seconds:>9.1f}{peak:>9,}  {what}", flush=True)


_DATABASE = "bench_training"


@contextmanager
def shop_with(purchases: Purchases) -> Iterator[None]:
    """The purchases in a database of their own, as Saleor and our backfill would have left them."""
    with scratch_database(_DATABASE) as connection:
        from tests.benchmarks import shop_tables

        shop_tables.fill(connection, purchases)
        connection.close()
        yield


if __name__ == "__main__":
    sys.exit(main())
