"""What a model is asked about purchases that came later, and how good its answers are.

- next_basket: the products of each customer's first basket afterwards (FOR_YOU).
- repeat: those of them that the customer had bought before (BUY_AGAIN).
- explore: what each customer bought afterwards for the first time (DISCOVER).
- cart: one product of each basket afterwards hidden, the others given (FOR_YOU with a cart).

Beside them coverage, the share of the products that are in anybody's list, and novelty, the mean of -log2 of the share
of customers who bought a recommended product (Vargas and Castells, "Rank and relevance in novelty and diversity metrics
for recommender systems", RecSys 2011, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.evaluation.intervals import PerCase
from saleor_crm_plugin.recommendations.evaluation.metrics import TOP, ndcg_of
from saleor_crm_plugin.recommendations.evaluation.purchases import Split
from saleor_crm_plugin.recommendations.learning.interface import Basket, Kind, Model, Scored

# The hidden product of each basket is drawn with it, so that every model is asked the same.
HIDDEN_SEED: Final = 2017
# Baskets whose lists are held at a time.
_BLOCK: Final = 2_000


class HiddenItem(NamedTuple):
    customer_id: int
    hidden: int
    given: tuple[int, ...]


class Questions:
    """All that is asked about one split. Ids, not positions: any model can be asked."""

    def __init__(self, split: Split) -> None:
        past, later = split
        known = past.product_ids
        self.products_count = len(known)
        self.customers_count = len(past.customer_ids)
        bought = _sets(past.customer_ids[past.customers], known[past.products])
        # Baskets of nobody known are no customer's next: they only ask what completes them.
        named = later.where(later.customers > 0)
        customers, first = _first_baskets(named.customers, named.baskets, named.days)
        contents = _sets(later.baskets, later.products)
        catalogue = set(known.tolist())
        # The whole basket is to be guessed: products that nobody can know count as missed.
        self.next_basket = {
            customer: contents[basket] for customer, basket in zip(customers.tolist(), first.tolist(), strict=True)
        }
        self.repeat = {
            customer: again
            for customer, target in self.next_basket.items()
            if (again := target & bought.get(customer, set()))
        }
        everything = _sets(named.customers, named.products)
        self.explore = {
            customer: new
            for customer, products in everything.items()
            if customer in bought and (new := (products & catalogue) - bought[customer])
        }
        owners = dict(zip(later.baskets.tolist(), later.customers.tolist(), strict=True))
        self.cart = _hidden(contents, owners, catalogue)
        buyers = np.bincount(past.by_customer().indices, minlength=len(known))
        self._novelty = dict(
            zip(known.tolist(), (-np.log2(np.maximum(buyers, 1) / max(self.customers_count, 1))).tolist(), strict=True)
        )

    def answered_by(self, model: Model) -> dict[str, dict[str, Any]]:
        """Question -> measure -> what each case is worth, or one number for all, of one model."""
        answers: dict[str, dict[str, Any]] = {}
        lists = _ids(model.recommend(list(self.next_basket), TOP, Kind.FOR_YOU))
        answers["next_basket"] = measured(lists, self.next_basket, ("recall", "ndcg", "hit_rate"))
        answers["next_basket"] |= self._diversity(lists)
        lists = _ids(model.recommend(list(self.repeat), TOP, Kind.BUY_AGAIN))
        answers["repeat"] = measured(lists, self.repeat, ("recall", "ndcg"))
        lists = _ids(model.recommend(list(self.explore), TOP, Kind.DISCOVER))
        answers["explore"] = measured(lists, self.explore, ("recall", "ndcg"))
        answers["explore"] |= self._diversity(lists)
        answers["cart"] = {"hit_rate": self.hit_rate(model)}
        return answers

    def hit_rate(self, model: Model) -> PerCase:
        """Of each hidden item 1 if it was found, else 0."""
        found = np.zeros(len(self.cart))
        for first in range(0, len(self.cart), _BLOCK):
            items = self.cart[first : first + _BLOCK]
            lists = model.complete([Basket(item.given, item.customer_id) for item in items], TOP)
            for number, (item, entries) in enumerate(zip(items, lists, strict=True)):
                found[first + number] = any(entry.product_id == item.hidden for entry in entries)
        return PerCase(found, np.asarray([item.customer_id for item in self.cart], dtype=np.int64))

    def _diversity(self, lists: Mapping[int, list[int]]) -> dict[str, float | None]:
        listed = [product for products in lists.values() for product in products]
        if not listed:
            return {"coverage": 0.0, "novelty": None}
        return {
            "coverage": len(set(listed)) / max(self.products_count, 1),
            "novelty": float(np.mean([self._novelty[product] for product in listed])),
        }


def measured(
    lists: Mapping[int, list[int]], targets: Mapping[int, set[int]], measures: tuple[str, ...]
) -> dict[str, PerCase]:
    """Of each customer's list (product ids, best first) the `recall`, `ndcg` and `hit_rate`; 0 without a list."""
    values: dict[str, list[float]] = {"recall": [], "ndcg": [], "hit_rate": []}
    for customer, target in targets.items():
        products = lists.get(customer, [])
        found = len(target.intersection(products))
        values["recall"].append(found / len(target))
        values["ndcg"].append(ndcg_of(products, target))
        values["hit_rate"].append(float(found > 0))
    return {measure: PerCase(np.asarray(values[measure])) for measure in measures}


def _ids(lists: Mapping[int, list[Scored]]) -> dict[int, list[int]]:
    return {customer: [entry.product_id for entry in entries] for customer, entries in lists.items()}


def _sets(keys: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        found.setdefault(key, set()).add(value)
    return found


def _first_baskets(
    customers: npt.NDArray[np.int64], baskets: npt.NDArray[np.int64], days: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    order = np.lexsort((baskets, days, customers))
    known, first = np.unique(customers[order], return_index=True)
    return known, baskets[order][first]


def _hidden(contents: Mapping[int, set[int]], owners: Mapping[int, int], catalogue: set[int]) -> list[HiddenItem]:
    dice = np.random.default_rng(HIDDEN_SEED)
    items = []
    for basket in sorted(contents):
        products = sorted(contents[basket] & catalogue)
        if len(products) > 1:
            hidden = products[int(dice.integers(len(products)))]
            items.append(
                HiddenItem(owners[basket], hidden, tuple(product for product in products if product != hidden))
            )
    return items
