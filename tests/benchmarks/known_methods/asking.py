"""The plugin's own questions, put to a known method."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saleor_crm_plugin.recommendations.evaluation.intervals import PerCase
from saleor_crm_plugin.recommendations.evaluation.purchases import Split
from saleor_crm_plugin.recommendations.evaluation.questions import TOP, Questions, measured
from saleor_crm_plugin.recommendations.learning import dense
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.interface import Basket, Scored
from saleor_crm_plugin.recommendations.learning.positions import UNKNOWN, Positions
from tests.benchmarks.known_methods.scoring import BasketScores, CustomerScores, lately
from tests.benchmarks.known_methods.table import Method

# Every so manieth basket is enough to choose parameters by.
TUNED_BASKETS = 2_000
# The measure that a question is tuned by.
MEASURES = {"next_basket": "ndcg", "explore": "ndcg", "cart": "hit_rate", "cart_by_category": "hit_rate"}

Answer = dict[str, PerCase]


@dataclass(frozen=True)
class Asked:
    """One split, and all that is asked about it."""

    past: PurchaseHistory
    questions: Questions

    @classmethod
    def about(cls, split: Split) -> Asked:
        return cls(split.past, Questions(split))

    def of_some_baskets(self) -> Asked:
        questions = copy.copy(self.questions)
        questions.cart = questions.cart[:: max(1, len(questions.cart) // TUNED_BASKETS)]
        return Asked(self.past, questions)


def answered(asked: Asked, question: str, scores: Any) -> Answer:
    """The measures of one question, as `Questions.answered_by` has them."""
    past, questions = asked.past, asked.questions
    if question.startswith("cart"):
        # Only `complete` is asked for.
        return {"hit_rate": questions.hit_rate(_Completing(past, scores))}  # type: ignore[arg-type]
    targets: Mapping[int, set[int]] = getattr(questions, question)
    lists = _lists(past, scores, list(targets), only_new=question == "explore")
    return measured(lists, targets, ("recall", "ndcg"))


def tuned(asked: Asked, question: str, method: Method) -> dict[str, Any]:
    """The values of its grid that answer best: one parameter after the other."""
    if not method.grid:
        return {}
    asked = asked.of_some_baskets()
    tried: dict[tuple[Any, ...], float] = {}

    def worth(chosen: Mapping[str, Any]) -> float:
        key = tuple(chosen.values())
        if key not in tried:
            answer = answered(asked, question, method.fit(asked.past, **chosen))[MEASURES[question]]
            tried[key] = float(answer.values.mean())
        return tried[key]

    # The values in the middle first.
    chosen = {name: values[len(values) // 2] for name, values in method.grid.items()}
    for name, values in method.grid.items():
        chosen[name] = max(values, key=lambda value, name=name: worth(chosen | {name: value}))  # type: ignore[misc]
    return chosen


class _Completing:
    def __init__(self, past: PurchaseHistory, scores: BasketScores) -> None:
        self._past, self._scores = past, scores
        self._positions, self._popular = Positions(past), _most_sold(past)

    def complete(self, baskets: Sequence[Basket], first: int = TOP) -> list[list[Scored]]:
        customers = self._positions.customers([basket.customer_id for basket in baskets])
        given = self._positions.of_baskets([basket.product_ids for basket in baskets])
        lists: list[list[Scored]] = []
        for block in dense.blocks(len(baskets), len(self._past.product_ids)):
            scores = self._scores(given[block], customers[block])
            dense.without(scores, given[block])
            found = dense.best(scores, self._past.product_ids, first)
            for basket, entries in zip(baskets[block], found, strict=True):
                ids = _filled([entry.product_id for entry in entries], self._popular, set(basket.product_ids))
                lists.append([Scored(product_id, 0.0) for product_id in ids])
        return lists


def _lists(
    past: PurchaseHistory, scores: CustomerScores, customer_ids: Sequence[int], only_new: bool
) -> dict[int, list[int]]:
    customers = Positions(past).customers(customer_ids)
    bought, popular = past.by_customer(), _most_sold(past)
    lists: dict[int, list[int]] = {}
    for block in dense.blocks(len(customers), len(past.product_ids)):
        places = customers[block]
        found = np.zeros((len(places), len(past.product_ids)), dtype=np.float32)
        found[places != UNKNOWN] = scores(places[places != UNKNOWN])
        own = bought[np.maximum(places, 0)]
        if only_new:
            dense.without(found, own)
        for row, entries in enumerate(dense.best(found, past.product_ids, TOP)):
            had = own.indices[own.indptr[row] : own.indptr[row + 1]] if only_new and places[row] != UNKNOWN else []
            kept_out = set(past.product_ids[had].tolist()) if len(entries) < TOP and len(had) else set()
            ids = _filled([entry.product_id for entry in entries], popular, kept_out)
            lists[customer_ids[block.start + row]] = ids
    return lists


def _most_sold(past: PurchaseHistory) -> list[int]:
    sold = lately(past, 28)
    ids: list[int] = past.product_ids[np.argsort(-sold, kind="stable")].tolist()
    return ids


def _filled(ids: list[int], popular: list[int], kept_out: set[int]) -> list[int]:
    """What sells most behind a list that runs short, as in the plugin's own baselines."""
    if len(ids) >= TOP:
        return ids
    there = kept_out.union(ids)
    more = itertools.islice((product for product in popular if product not in there), TOP - len(ids))
    return [*ids, *more]
