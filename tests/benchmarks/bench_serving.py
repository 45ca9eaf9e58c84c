"""Recommendations served from a large catalogue, by each kind, with and without rules, beside the products alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.catalogue_tables import CHANNEL, OTHER_CHANNEL, fill_catalogue
from tests.benchmarks.figures import Budget
from tests.benchmarks.measuring import Bench, Call
from tests.benchmarks.model_tables import fill_model
from tests.benchmarks.plans import divide
from tests.benchmarks.scratch import scratch_database

__all__ = ["fill_catalogue", "fill_model", "measure"]

# Ten products for one person or page.
BUDGET = Budget("p95", 0.010)
LIST = 10


def measure(bench: Bench) -> None:
    products, customers = bench.size(100_000, 2_000), bench.size(20_000, 200)
    count = bench.size(40, 5)
    with scratch_database("bench_serving") as connection:
        fill_catalogue(connection, products)
        fill_model(connection, products, customers)
        dice = np.random.default_rng(7)
        people = dice.integers(1, customers + 1, count).tolist()
        items = dice.integers(1, products + 1, count * 20).tolist()
        beside = [plainly(items[LIST * number : LIST * (number + 1)]) for number in range(count)]
        lists = {**single(products, people, items), **ruled(people, items)}
        for name, calls in lists.items():
            bench.measure(
                name,
                calls,
                beside,
                beside="those products",
                size=products,
                budgets=() if name.endswith(LONGER) else (BUDGET,),
            )
        for name in DIVIDED:
            divide(bench, name, lists[name])
        hundred = [plainly(items[start : start + LIST]) for start in range(0, 20 * count - LIST, 5)][:100]
        for name, calls in at_once(people, items).items():
            bench.measure(
                name,
                calls,
                lambda: [plain() for plain in hundred],
                beside=f"{len(hundred)} statements",
                size=products,
            )


LONGER = ("100 products", "offset 1,000", "root category")
# Of these the report says where the time goes.
DIVIDED = ("FOR_YOU", "NEW_ARRIVALS of a category", "FOR_YOU, ten rules", "FOR_YOU, fifty rules")


def served(asked: Any, **scope: Any) -> list[Call]:
    from saleor_crm_plugin.recommendations.serving import Scope, serve

    channel = scope.pop("channel", CHANNEL)
    return [lambda some=some: serve(some, Scope(channel, **scope)) for some in asked]  # type: ignore[misc]


def single(products: int, people: list[int], items: list[int]) -> dict[str, list[Call]]:
    """A list at a time, each for another customer, product or cart."""
    from saleor_crm_plugin.recommendations.kinds import RecommendationKind as Kind
    from saleor_crm_plugin.recommendations.serving import Asked

    count = len(people)
    # Every second product has nothing that goes with it.
    unknown = [2 * number + 1 for number in range(products // 4, products // 4 + count)]
    nobody = [[Asked()]] * count
    persons = [[Asked(one)] for one in people]
    pages = [[Asked(None, (one,))] for one in items[:count]]
    carts = [tuple(items[20 * number : 20 * number + 20]) for number in range(count)]
    return {
        "FOR_YOU": served(persons),
        "FOR_YOU, stock not asked": served(persons, only_in_stock=False),
        "FOR_YOU, 100 products": served(persons, first=100),
        "FOR_YOU, offset 1,000": served(persons, offset=1000),
        "FOR_YOU, anonymous": served(nobody),
        "BUY_AGAIN": served(persons, kind=Kind.BUY_AGAIN),
        "DISCOVER": served(persons, kind=Kind.DISCOVER),
        "together": served(pages, kind=Kind.FREQUENTLY_BOUGHT_TOGETHER),
        "similar": served(pages, kind=Kind.SIMILAR),
        "similar, nothing learnt": served([[Asked(None, (one,))] for one in unknown], kind=Kind.SIMILAR),
        "cart of 20": served([[Asked(None, cart)] for cart in carts]),
        "cart of 20 and own history": served([[Asked(one, cart)] for one, cart in zip(people, carts, strict=True)]),
        "BESTSELLERS": served(nobody, kind=Kind.BESTSELLERS),
        "BESTSELLERS of a category": served(nobody, kind=Kind.BESTSELLERS, category_id=7),
        "TRENDING": served(nobody, kind=Kind.TRENDING),
        "NEW_ARRIVALS": served(nobody, kind=Kind.NEW_ARRIVALS),
        "NEW_ARRIVALS of a category": served(nobody, kind=Kind.NEW_ARRIVALS, category_id=7),
        "FOR_YOU in a category": served(persons, category_id=7),
        "FOR_YOU in the root category": served(persons, category_id=1),
        "a channel without purchases": served(nobody, channel=OTHER_CHANNEL),
    }


def ruled(people: list[int], items: list[int]) -> dict[str, list[Call]]:
    """The same with what merchandising has said."""
    from saleor_crm_plugin.recommendations.kinds import RecommendationKind as Kind
    from saleor_crm_plugin.recommendations.serving import Asked

    persons = [[Asked(one)] for one in people]
    pages = [[Asked(None, (one,))] for one in items[: len(people)]]
    return {
        "FOR_YOU, ten rules": served(persons, policy=policy(10)),
        "FOR_YOU, fifty rules": served(persons, policy=policy(50)),
        "FOR_YOU, limits and new products": served(persons, policy=policy(0, limits=True)),
        "together, ten rules": served(pages, kind=Kind.FREQUENTLY_BOUGHT_TOGETHER, policy=policy(10)),
    }


def at_once(people: list[int], items: list[int]) -> dict[str, list[Call]]:
    """A hundred lists in one statement, as a page of products with their lists asks for them."""
    from saleor_crm_plugin.recommendations.kinds import RecommendationKind as Kind
    from saleor_crm_plugin.recommendations.serving import Asked

    pages = [[Asked(None, (one,)) for one in items[:100]]] * 4
    together = Kind.FREQUENTLY_BOUGHT_TOGETHER
    return {
        "together, 100 products at once": served(pages, kind=together),
        "together, ten rules, 100 products at once": served(pages, kind=together, policy=policy(10)),
        "FOR_YOU, 100 customers at once": served([[Asked(one) for one in (people * 100)[:100]]] * 4),
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


def plainly(product_ids: list[int]) -> Call:
    """What a storefront's list of ten products reads anyway."""

    def read() -> None:
        from saleor.channel.models import Channel
        from saleor.product.models import Product

        list(Product.objects.published_with_variants(Channel(pk=CHANNEL, is_active=True)).filter(pk__in=product_ids))

    return read
