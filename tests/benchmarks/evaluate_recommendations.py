"""How good the defaults are, beside what they were chosen over.

    python -m tests.benchmarks.evaluate_recommendations               # test month: December
    python -m tests.benchmarks.evaluate_recommendations --tune        # the month the defaults were chosen on: November
    python -m tests.benchmarks.evaluate_recommendations --fuel        # with fuel, the easiest guess there is

Complete Journey at product level. History: everything before the month, products with five lines or more. Questions:

- next basket: the first basket of each household in the month (recall@10, nDCG@10);
- never bought: what a household buys in the month for the first time (nDCG@10);
- one item hidden: a random product of each basket of the month, the others given (hit rate@10).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.affinity import Affinities, bought_together
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.popular import popular_by_channel
from saleor_crm_plugin.recommendations.learning.recommender import PersonalList, Recommender
from tests.benchmarks import complete_journey
from tests.benchmarks.complete_journey import Purchases

TOP = 10
FEWEST_LINES = 5
MONTHS = {"tune": ("2017-11-01", "2017-12-01"), "test": ("2017-12-01", "2018-01-02")}
HIDDEN_SEED = 2017

Lists = Mapping[int, list[int]]
Targets = Mapping[int, set[int]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="on November instead of December")
    parser.add_argument("--fuel", action="store_true", help="leave fuel in")
    arguments = parser.parse_args()
    start, end = map(complete_journey.day, MONTHS["tune" if arguments.tune else "test"])
    purchases = complete_journey.read(fuel=arguments.fuel)
    past, month = (
        purchases.where(purchases.days < start),
        purchases.where((purchases.days >= start) & (purchases.days < end)),
    )
    products, lines = np.unique(past.products, return_counts=True)
    history = past.where(np.isin(past.products, products[lines >= FEWEST_LINES])).history(start)
    print(f"{len(history):,} lines, {len(history.customer_ids):,} households, {len(history.product_ids):,} products")
    evaluate_next_basket(history, next_baskets(month))
    evaluate_never_bought(history, month)
    evaluate_hidden(history, month)
    return 0


def evaluate_next_basket(history: PurchaseHistory, targets: Targets) -> None:
    print(f"\nnext basket, {len(targets):,} households{'':<12}{'recall@10':>10}{'nDCG@10':>10}")
    together = bought_together(history, Parameters().minimum_support, Parameters().related_limit)

    def show(name: str, lists: Lists) -> None:
        print(f"{name:<40}{recall(lists, targets):>10.4f}{ndcg(lists, targets):>10.4f}")

    for window in (14, 28):
        best = bestsellers(history, window)
        show(f"bestsellers, {window} days", dict.fromkeys(targets, best[:TOP]))
    show("personal frequency", repeat_only(history, together, half_life_days=1e9, rated=False))
    for half_life in (30, 60, 90, 120, 180):
        name = f"personal frequency, half-life {half_life}"
        show(name, repeat_only(history, together, half_life_days=half_life, rated=False))
    show("the same (90) x root of repeat rate", repeat_only(history, together, half_life_days=90))
    for every in (3, 5, 10, 20):
        parameters = Parameters(discovery_every=every)
        name = f"FOR_YOU, every {every}th new" + (" (default)" if parameters == Parameters() else "")
        show(name, served(personal(history, together, parameters).values(), bestsellers(history, 28)))


def evaluate_never_bought(history: PurchaseHistory, month: Purchases) -> None:
    bought = by_customer(history)
    known = set(history.product_ids.tolist())
    targets = {
        customer: new
        for customer, products in sets(month.customers, month.products).items()
        if customer in bought and (new := (products & known) - bought[customer])
    }
    print(f"\nnever bought, {len(targets):,} households{'':<21}{'nDCG@10':>10}")
    best = bestsellers(history, 28)
    unknown = {customer: [product for product in best if product not in bought[customer]][:TOP] for customer in targets}
    print(f"{'bestsellers, 28 days':<50}{ndcg(unknown, targets):>10.4f}")
    for limit in (30, 50, 100):
        together = bought_together(history, Parameters().minimum_support, limit)
        lists = personal(history, together, Parameters())
        new = {customer: of_kind(entry, Why.BOUGHT_TOGETHER) for customer, entry in lists.items()}
        name = f"DISCOVER, {limit} related" + (" (default)" if limit == Parameters().related_limit else "")
        print(f"{name:<50}{ndcg(new, targets):>10.4f}")


def evaluate_hidden(history: PurchaseHistory, month: Purchases) -> None:
    position = {product: place for place, product in enumerate(history.product_ids.tolist())}
    dice = np.random.default_rng(HIDDEN_SEED)
    cases = []
    for products in sets(month.baskets, month.products).values():
        basket = sorted(position[product] for product in products if product in position)
        if len(basket) > 1:
            hidden = basket[dice.integers(len(basket))]
            cases.append((hidden, [product for product in basket if product != hidden]))
    print(f"\none item hidden, {len(cases):,} baskets{'':<19}{'hit rate@10':>12}")
    counts = history.by_basket()
    together = (counts.T @ counts).tocsr()
    together.setdiag(0)
    popular = np.argsort(-np.bincount(history.products[history.ages < 28]), kind="stable")[: TOP * 20]
    most_sold = np.zeros(len(history.product_ids))
    most_sold[popular] = np.arange(len(popular), 0, -1)
    cosine = bought_together(history, Parameters().minimum_support, Parameters().related_limit).as_matrix()
    print(f"{'bestsellers, 28 days':<50}{hit_rate(cases, lambda given: most_sold):>10.4f}")
    print(f"{'raw co-purchase counts':<50}{hit_rate(cases, summed(together)):>10.4f}")
    print(f"{'FREQUENTLY_BOUGHT_TOGETHER':<50}{hit_rate(cases, summed(cosine)):>10.4f}")


def personal(history: PurchaseHistory, together: Affinities, parameters: Parameters) -> dict[int, PersonalList]:
    recommender = Recommender(history, parameters, together, together)
    return {entry.customer_id: entry for entry in recommender.personal()}


def repeat_only(
    history: PurchaseHistory, together: Affinities, half_life_days: float, rated: bool = True
) -> dict[int, list[int]]:
    """Only what was bought before; `rated=False` without the repeat rate."""
    if not rated:
        weights = np.exp2(-history.ages.astype(np.float64) / half_life_days)
        shape = (len(history.customer_ids), len(history.product_ids))
        matrix = sparse.csr_array((weights, (history.customers, history.products)), shape=shape)
        matrix.sum_duplicates()
        return {
            customer: [
                int(history.product_ids[matrix.indices[first + place]])
                for place in np.argsort(-matrix.data[first:last], kind="stable")[:TOP]
            ]
            for customer, first, last in zip(
                history.customer_ids.tolist(), matrix.indptr[:-1], matrix.indptr[1:], strict=True
            )
        }
    parameters = dataclasses.replace(Parameters(), half_life_days=half_life_days, minimum_repeat_rate=0.0)
    lists = personal(history, together, parameters)
    return {customer: of_kind(entry, Why.BOUGHT_BEFORE) for customer, entry in lists.items()}


def of_kind(entry: PersonalList, kind: Why) -> list[int]:
    return [product for product, why in zip(entry.product_ids, entry.reason_kinds, strict=True) if why == kind][:TOP]


def served(entries: Iterable[PersonalList], best: list[int]) -> dict[int, list[int]]:
    """As the shop serves them: filled up with bestsellers."""
    return {entry.customer_id: list(dict.fromkeys(entry.product_ids + best))[:TOP] for entry in entries}


def bestsellers(history: PurchaseHistory, window_days: float) -> list[int]:
    (popular,) = popular_by_channel(history, window_days, limit=1000)
    return history.product_ids[popular.products].tolist()


def next_baskets(month: Purchases) -> dict[int, set[int]]:
    order = np.lexsort((month.baskets, month.days))
    customers, first = np.unique(month.customers[order], return_index=True)
    wanted = dict(zip(customers.tolist(), month.baskets[order][first].tolist(), strict=True))
    contents = sets(month.baskets, month.products)
    return {customer: contents[basket] for customer, basket in wanted.items()}


def by_customer(history: PurchaseHistory) -> dict[int, set[int]]:
    return sets(history.customer_ids[history.customers], history.product_ids[history.products])


def sets(keys: np.ndarray, values: np.ndarray) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        found.setdefault(key, set()).add(value)
    return found


def recall(lists: Lists, targets: Targets) -> float:
    return float(
        np.mean([len(target & set(lists.get(key, [])[:TOP])) / len(target) for key, target in targets.items()])
    )


def ndcg(lists: Lists, targets: Targets) -> float:
    gains = 1 / np.log2(np.arange(2, TOP + 2))
    values = []
    for key, target in targets.items():
        hits = [product in target for product in lists.get(key, [])[:TOP]]
        values.append(gains[: len(hits)][hits].sum() / gains[: len(target)].sum())
    return float(np.mean(values))


def hit_rate(cases: list[tuple[int, list[int]]], score: Callable[[list[int]], np.ndarray]) -> float:
    hits = 0
    for hidden, given in cases:
        scores = score(given).copy()
        scores[given] = -1
        best = np.argpartition(-scores, TOP)[:TOP]
        hits += bool(scores[hidden] > 0 and hidden in best)
    return hits / len(cases)


def summed(matrix: sparse.csr_array) -> Callable[[list[int]], np.ndarray]:
    return lambda given: np.asarray(matrix[given].sum(axis=0)).ravel()


if __name__ == "__main__":
    sys.exit(main())
