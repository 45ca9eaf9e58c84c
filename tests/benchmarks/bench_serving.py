"""How long it takes to serve recommendations from a large catalogue, beside a plain query for the same products.

    python -m tests.benchmarks.bench_serving                    # 100,000 products, 20,000 customers
    python -m tests.benchmarks.bench_serving --products 10000   # does it depend on the catalogue?
    python -m tests.benchmarks.bench_serving --explain FOR_YOU  # the plan of the first list instead

The catalogue and the model are made up; what a training learns does not matter to how it is served. Each product has
one variant in two warehouses; a tenth is sold out, a tenth unpublished. Each customer has a list of 150 products, each
of half of the products fifty that go with it, and every tenth customer an order since the training.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.catalogue_tables import CHANNEL, OTHER_CHANNEL, fill_catalogue
from tests.benchmarks.model_tables import fill_model
from tests.benchmarks.scratch import scratch_database, timed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=200, help="lists served of each kind (default: 200)")
    parser.add_argument("--explain", metavar="LIST", help="print the plan of one of the lists, by its name")
    arguments = parser.parse_args()
    with scratch_database("bench_serving") as connection:
        with timed() as seconds:
            fill_catalogue(connection, arguments.products)
            fill_model(connection, arguments.products, arguments.customers)
        print(f"{arguments.products:,} products, {arguments.customers:,} customers, made up in {seconds():.0f} s")
        lists = calls(arguments.products, arguments.customers, arguments.calls)
        if arguments.explain:
            explain(connection, lists[arguments.explain][0])
            return 0
        processors = processor_clock(connection)
        print(f"{'':<36}{'elapsed ms':^18}{'processor ms':^18}")
        print(f"{'served':<36}" + f"{'median':>9}{'p95':>9}" * 2)
        for name, some in lists.items():
            serve_all(name, some, processors)
    return 0


def calls(products: int, customers: int, count: int) -> dict[str, list[Callable[[], Any]]]:
    """Lists to serve, by name: each for another customer or product."""
    from saleor_crm_plugin.recommendations.kinds import RecommendationKind as Kind
    from saleor_crm_plugin.recommendations.serving import Asked, Scope, serve

    dice = np.random.default_rng(7)
    people = [int(number) for number in dice.integers(1, customers + 1, count)]
    items = [int(number) for number in dice.integers(1, products + 1, count * 20)]
    unknown = [2 * number + 1 for number in range(products // 4, products // 4 + count)]

    def of(asked: list[list[Asked]], **scope: Any) -> list[Callable[[], Any]]:
        return [lambda some=some: serve(some, Scope(CHANNEL, **scope)) for some in asked]

    nobody = [[Asked()]] * count
    carts = [tuple(items[20 * number : 20 * number + 20]) for number in range(count)]
    return {
        "ten products, plainly": [
            lambda start=start: plainly(items[start : start + 10]) for start in range(0, 10 * count, 10)
        ],
        "FOR_YOU": of([[Asked(one)] for one in people]),
        "FOR_YOU, stock not asked": of([[Asked(one)] for one in people], only_in_stock=False),
        "FOR_YOU, first 100": of([[Asked(one)] for one in people], first=100),
        "FOR_YOU, offset 1,000": of([[Asked(one)] for one in people[:50]], offset=1000),
        "FOR_YOU, anonymous": of(nobody),
        "BUY_AGAIN": of([[Asked(one)] for one in people], kind=Kind.BUY_AGAIN),
        "DISCOVER": of([[Asked(one)] for one in people], kind=Kind.DISCOVER),
        "together": of([[Asked(None, (one,))] for one in items[:count]], kind=Kind.FREQUENTLY_BOUGHT_TOGETHER),
        "similar": of([[Asked(None, (one,))] for one in items[:count]], kind=Kind.SIMILAR),
        "similar, nothing learnt": of([[Asked(None, (one,))] for one in unknown], kind=Kind.SIMILAR),
        "cart of 20": of([[Asked(None, cart)] for cart in carts]),
        "cart of 20 and own history": of([[Asked(one, cart)] for one, cart in zip(people, carts, strict=True)]),
        "together, 100 products at once": of(
            [[Asked(None, (one,)) for one in items[start : start + 100]] for start in range(0, 2000, 100)],
            kind=Kind.FREQUENTLY_BOUGHT_TOGETHER,
        ),
        "FOR_YOU, 100 customers at once": of([[Asked(one) for one in people[:100]]] * 20),
        "BESTSELLERS": of(nobody, kind=Kind.BESTSELLERS),
        "BESTSELLERS of a category": of(nobody, kind=Kind.BESTSELLERS, category_id=7),
        "TRENDING": of(nobody, kind=Kind.TRENDING),
        "NEW_ARRIVALS": of(nobody, kind=Kind.NEW_ARRIVALS),
        "NEW_ARRIVALS of a category": of(nobody, kind=Kind.NEW_ARRIVALS, category_id=7),
        "FOR_YOU in a category": of([[Asked(one)] for one in people], category_id=7),
        "FOR_YOU in the root category": of([[Asked(one)] for one in people[:50]], category_id=1),
        "FOR_YOU, ten rules": of([[Asked(one)] for one in people], policy=policy(10)),
        "FOR_YOU, fifty rules": of([[Asked(one)] for one in people], policy=policy(50)),
        "FOR_YOU, limits and new products": of([[Asked(one)] for one in people], policy=policy(0, limits=True)),
        "together, ten rules": of(
            [[Asked(None, (one,))] for one in items[:count]],
            kind=Kind.FREQUENTLY_BOUGHT_TOGETHER,
            policy=policy(10),
        ),
        "together, ten rules, 100 products at once": of(
            [[Asked(None, (one,)) for one in items[start : start + 100]] for start in range(0, 1000, 100)],
            kind=Kind.FREQUENTLY_BOUGHT_TOGETHER,
            policy=policy(10),
        ),
        "a channel without purchases": [lambda: serve([Asked()], Scope(OTHER_CHANNEL)) for _ in range(count)],
    }


def policy(count: int, *, limits: bool = False) -> Any:
    """So many rules, of each action and for each kind of target in turn; or only limits."""
    from saleor_crm_plugin.recommendations.arranging import Policy
    from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction, Targets
    from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy

    kinds = [
        lambda number: Targets(product_ids=tuple(range(100 * number, 100 * number + 20))),
        lambda number: Targets(category_ids=frozenset({number})),
        lambda number: Targets(collection_ids=frozenset({number})),
        lambda number: Targets(attribute_values={"brand": frozenset({f"value-{number}"})}),
    ]
    rules = []
    for number in range(2, count + 2):
        action = list(RuleAction)[number // 4 % 4]
        weighed = action in (RuleAction.BOOST, RuleAction.BURY)
        place = (number, 1) if action is RuleAction.PIN else (None, None)
        rules.append(
            ListRule(number, "Rule", action, kinds[number % 4](number), *place, factor=5.0 if weighed else None)
        )
    lists = ListPolicy("brand", 3, 3, 2, 30) if limits else ListPolicy()
    return Policy(tuple(rules), lists)


def plainly(product_ids: list[int]) -> None:
    """What a storefront's list of ten products reads anyway."""
    from saleor.channel.models import Channel
    from saleor.product.models import Product

    list(Product.objects.published_with_variants(Channel(pk=CHANNEL, is_active=True)).filter(pk__in=product_ids))


Clock = Callable[[], float]


def processor_clock(connection: Any) -> Clock:
    """Seconds of processor time of this process and of the server's for its connection, so that a busy machine does not
    change the figures much. Of this process alone where the server is elsewhere or the system is not Linux.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        schedule = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    if not schedule.exists():
        return time.process_time
    return lambda: time.process_time() + int(schedule.read_text().split()[0]) / 1e9


def serve_all(name: str, some: list[Callable[[], Any]], processors: Clock) -> None:
    some[0]()
    figures = ""
    for clock in (time.perf_counter, processors):
        times = sorted(_milliseconds(call, clock) for call in some)
        figures += f"{times[len(times) // 2]:>9.2f}{times[int(len(times) * 0.95)]:>9.2f}"
    print(f"{name:<36}{figures}", flush=True)


def _milliseconds(call: Callable[[], Any], clock: Clock) -> float:
    began = clock()
    call()
    return (clock() - began) * 1000


def explain(connection: Any, call: Callable[[], Any]) -> None:
    """Print the plan of the statement that a list takes."""

    def explained(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        cursor = context["cursor"]
        execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", values, many, context)
        print("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(explained):
        call()


if __name__ == "__main__":
    sys.exit(main())
