"""Simple models behind the same interface: what a trained one is held against, and must not be worse than."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning import dense, persistence
from saleor_crm_plugin.recommendations.learning.affinity import bought_together
from saleor_crm_plugin.recommendations.learning.ease import fit_ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.interface import Basket, Contribution, Kind, Model, Scored
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.popular import recent_popularity
from saleor_crm_plugin.recommendations.learning.positions import Positions

Array = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]


class SimpleModel(Model):
    """A score for each customer and product."""

    def __init__(self, history: PurchaseHistory, parameters: Parameters) -> None:
        self._history = history
        self._parameters = parameters
        self._positions = Positions(history)
        size = len(history.product_ids)
        lately = recent_popularity(history, parameters.popular_window_days)
        ever = np.bincount(history.products, minlength=size)
        # What sold before the window stands behind what sold within it.
        self._popular = (lately + ever / (1.0 + ever.max(initial=0))).astype(np.float32)
        weights = np.exp2(-history.ages.astype(np.float64) / parameters.half_life_days).astype(np.float32)
        shape = (len(history.customer_ids), size)
        self._own = sparse.csr_array((weights, (history.customers, history.products)), shape=shape)
        self._own.sum_duplicates()
        self._learn()

    @abstractmethod
    def _learn(self) -> None: ...

    @abstractmethod
    def _scores(self, own: sparse.csr_array) -> Floats32:
        """(k, P) scores for k customers, given as the decayed frequencies of what they bought."""

    def _basket_scores(self, given: sparse.csr_array, own: sparse.csr_array) -> Floats32:
        """(k, P) scores for k baskets, given as ones, of customers given as decayed frequencies."""
        return self._scores(given)

    @classmethod
    def fit(cls, history: PurchaseHistory, parameters: Parameters | None = None) -> Self:
        return cls(history, parameters or Parameters())

    def recommend(
        self, customer_ids: Collection[int], first: int = 10, kind: Kind = Kind.FOR_YOU
    ) -> dict[int, list[Scored]]:
        asked = list(dict.fromkeys(customer_ids))
        ids = self._history.product_ids
        lists: dict[int, list[Scored]] = {}
        for block in dense.blocks(len(asked), len(ids)):
            own = self._positions.of_customers(asked[block], self._own)
            scores = self._filled(self._scores(own))
            if kind is Kind.DISCOVER:
                dense.without(scores, own)
            elif kind is Kind.BUY_AGAIN:
                dense.only(scores, own)
            lists.update(zip(asked[block], dense.best(scores, ids, first), strict=True))
        return lists

    def complete(self, baskets: Sequence[Basket], first: int = 10) -> list[list[Scored]]:
        ids = self._history.product_ids
        lists: list[list[Scored]] = []
        for block in dense.blocks(len(baskets), len(ids)):
            given = self._positions.of_baskets([basket.product_ids for basket in baskets[block]])
            own = self._positions.of_customers([basket.customer_id for basket in baskets[block]], self._own)
            scores = self._filled(self._basket_scores(given, own))
            dense.without(scores, given)
            lists += dense.best(scores, ids, first)
        return lists

    def similar(self, product_ids: Collection[int], first: int = 10) -> dict[int, list[Scored]]:
        asked = list(dict.fromkeys(product_ids))
        lists: dict[int, list[Scored]] = {}
        for block in dense.blocks(len(asked), len(self._history.product_ids)):
            given = self._positions.of_baskets([[product_id] for product_id in asked[block]])
            scores = self._scores(given)
            dense.without(scores, given)
            lists.update(zip(asked[block], dense.best(scores, self._history.product_ids, first), strict=True))
        return lists

    def explain(self, customer_id: int, product_id: int) -> list[Contribution]:
        place = self._positions.product(product_id)
        own = self._positions.of_customers([customer_id], self._own)
        if place is None:
            return []
        parts = [
            (bought, float(self._scores(_single(bought, weight, own.shape[1]))[0, place]))
            for bought, weight in zip(own.indices.tolist(), own.data.tolist(), strict=True)
        ]
        total = sum(value for _, value in parts if value > 0)
        found = [
            Contribution(int(self._history.product_ids[bought]), value / total) for bought, value in parts if value > 0
        ]
        return sorted(found, key=lambda part: (-part.share, part.product_id))

    def save(self, path: Path) -> None:
        settings = dataclasses.asdict(self._parameters)
        persistence.write(path, self.name, settings, persistence.packed("history", self._history))

    @classmethod
    def load(cls, path: Path) -> Self:
        settings, arrays = persistence.read(path, cls.name)
        parameters = persistence.parameters_of(path, settings)
        return cls(persistence.unpacked(PurchaseHistory, "history", arrays), parameters)

    def _filled(self, scores: Floats32) -> Floats32:
        """Behind all that has a score, what sells most."""
        return scores + self._popular / (1 + self._popular.max(initial=0)) * np.float32(1e-6)


class Bestsellers(SimpleModel):
    """What the shop sells most of late, the same for all."""

    name: ClassVar[str] = "bestsellers"

    def _learn(self) -> None:
        pass

    def _scores(self, own: sparse.csr_array) -> Floats32:
        return np.tile(self._popular, (own.shape[0], 1))

    def explain(self, customer_id: int, product_id: int) -> list[Contribution]:
        return []


class DecayedFrequency(SimpleModel):
    """What the customer bought most, each purchase counting half after the half-life (Hu et al., SIGIR 2020)."""

    name: ClassVar[str] = "decayed_frequency"

    def _learn(self) -> None:
        pass

    def _scores(self, own: sparse.csr_array) -> Floats32:
        return np.asarray(own.toarray(), dtype=np.float32)

    def _basket_scores(self, given: sparse.csr_array, own: sparse.csr_array) -> Floats32:
        return self._scores(own)


class ItemCosine(SimpleModel):
    """What shares baskets with what the customer bought, or with what the basket holds (Sarwar et al., WWW 2001)."""

    name: ClassVar[str] = "cosine"

    def _learn(self) -> None:
        chosen = self._parameters
        self._related = bought_together(self._history, chosen.minimum_support, chosen.related_limit).as_matrix()

    def _scores(self, own: sparse.csr_array) -> Floats32:
        return np.asarray((own @ self._related).toarray(), dtype=np.float32)


class LinearModel(SimpleModel):
    """EASE on customers (Steck, WWW 2019)."""

    name: ClassVar[str] = "ease"

    def _learn(self) -> None:
        self._ease = fit_ease(self._history.by_customer(), self._parameters.regularization)

    def _scores(self, own: sparse.csr_array) -> Floats32:
        scores = np.zeros(own.shape, dtype=np.float32)
        scores[:, self._ease.products] = self._ease.scores(own)
        return scores


BASELINES: Final[tuple[type[SimpleModel], ...]] = (Bestsellers, DecayedFrequency, ItemCosine, LinearModel)


def _single(column: int, weight: float, size: int) -> sparse.csr_array:
    return sparse.csr_array(([np.float32(weight)], [column], [0, 1]), shape=(1, size))
