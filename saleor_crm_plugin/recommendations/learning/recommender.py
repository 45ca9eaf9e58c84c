"""The model that a shop trains: simple strong models, and a ranker on top where it wins on the shop's own weeks."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.exceptions import ModelFileError
from saleor_crm_plugin.recommendations.learning import dense, persistence
from saleor_crm_plugin.recommendations.learning.affinity import Affinities, Mixture, bought_by_the_same, bought_together
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.channels import channel_lists
from saleor_crm_plugin.recommendations.learning.ease import Ease, fit_ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.interface import Basket, Contribution, Kind, Model, Scored
from saleor_crm_plugin.recommendations.learning.lists import PersonalLists, arranged, explained, simple_preferences
from saleor_crm_plugin.recommendations.learning.moments import Moment
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.popular import by_sales, recent_popularity
from saleor_crm_plugin.recommendations.learning.positions import UNKNOWN, Positions
from saleor_crm_plugin.recommendations.learning.ranker import Ranker, available
from saleor_crm_plugin.recommendations.learning.ranking import row_starts
from saleor_crm_plugin.recommendations.learning.selection import Rankers, Selection, select
from saleor_crm_plugin.recommendations.learning.statistics import Statistics
from saleor_crm_plugin.recommendations.learning.stored import NO_REASON, PersonalList, PopularList, RelatedList
from saleor_crm_plugin.recommendations.progress import Progress, no_progress

# What goes with all products together, where each may have more than `related_limit`.
COMPLETING_ENTRIES: Final = 2_000_000


class Recommender(Model):
    """What was learnt from a `PurchaseHistory`. Related products are in memory, personal lists computed as read."""

    name: ClassVar[str] = "recommender"

    def __init__(
        self, moment: Moment, rankers: Rankers | None, completing: Affinities, alike: Affinities, selection: Selection
    ) -> None:
        self._moment = moment
        self._rankers = rankers
        self._completing = completing
        self._alike = alike
        self._positions = Positions(moment.history)
        self.selection = selection

    @classmethod
    def fit(cls, history: PurchaseHistory, parameters: Parameters | None = None) -> Self:
        """Learn with these parameters, without a ranker. Time and memory are linear in the lines."""
        chosen = dataclasses.replace(parameters or Parameters(), ranked=False)
        return cls.selected(history, Selection.without_comparison(chosen, None))

    @classmethod
    def tuned(cls, history: PurchaseHistory, parameters: Parameters, progress: Progress = no_progress) -> Self:
        """Choose parameters and decide about a ranker on the last weeks of the history first, then learn."""
        return cls.selected(history, select(history, parameters, progress), progress)

    @classmethod
    def selected(cls, history: PurchaseHistory, selection: Selection, progress: Progress = no_progress) -> Self:
        """Learn with what was selected."""
        chosen = selection.parameters
        progress("learning", 0, None)
        moment = Moment.at_the_end_of(history, chosen)
        completing = moment.together
        if chosen.basket_linear:
            ease = fit_ease(history.by_basket(), chosen.basket_regularization)
            mixture = Mixture(ease, chosen.basket_cosine, chosen.basket_linear)
            completing = bought_together(history, chosen.minimum_support, _completing_limit(history, chosen), mixture)
        alike = bought_by_the_same(history, chosen.minimum_support, chosen.related_limit)
        return cls(moment, selection.rankers, completing, alike, selection)

    @property
    def parameters(self) -> Parameters:
        return self._moment.parameters

    def recommend(
        self, customer_ids: Collection[int], first: int = 10, kind: Kind = Kind.FOR_YOU
    ) -> dict[int, list[Scored]]:
        history = self._moment.history
        asked = list(dict.fromkeys(customer_ids))
        places = self._positions.customers(asked)
        listed = np.zeros(len(history.customer_ids), dtype=bool)
        listed[places[places != UNKNOWN]] = True
        popular = self._most_sold()
        found: dict[int, list[Scored]] = {}
        for lists in self._lists(listed):
            kept = _of_kind(lists, kind)
            for customer, part in _runs(lists.customers):
                chosen = part[kept[part]][:first]
                products = history.product_ids[lists.products[chosen]].tolist()
                pairs = zip(products, lists.scores[chosen].tolist(), strict=True)
                found[int(history.customer_ids[customer])] = [Scored(*pair) for pair in pairs]
        kept_out = history.by_customer() if kind is Kind.DISCOVER else None
        answer: dict[int, list[Scored]] = {}
        for customer_id, place in zip(asked, places.tolist(), strict=True):
            entries = found.get(customer_id, [])
            if kind is not Kind.BUY_AGAIN and len(entries) < first:
                entries = _filled(entries, popular, history.product_ids, _held(kept_out, place), first)
            answer[customer_id] = entries
        return answer

    def complete(self, baskets: Sequence[Basket], first: int = 10) -> list[list[Scored]]:
        history = self._moment.history
        related = self._completing.as_matrix()
        own = self._own_amounts([basket.customer_id for basket in baskets])
        popular = recent_popularity(history, self.parameters.popular_window_days).astype(np.float32)
        popular *= np.float32(1e-6) / (1 + popular.max(initial=0))
        lists: list[list[Scored]] = []
        for block in dense.blocks(len(baskets), len(history.product_ids)):
            given = self._positions.of_baskets([basket.product_ids for basket in baskets[block]])
            usual = self._positions.of_customers([basket.customer_id for basket in baskets[block]], own)
            scores = (given @ related).toarray() + np.float32(self.parameters.basket_own) * usual.toarray() + popular
            dense.without(scores, given)
            lists += dense.best(scores, history.product_ids, first)
        return lists

    def similar(self, product_ids: Collection[int], first: int = 10) -> dict[int, list[Scored]]:
        ids, alike = self._moment.history.product_ids, self._alike
        answer: dict[int, list[Scored]] = {}
        for product_id in dict.fromkeys(product_ids):
            place = self._positions.product(product_id)
            part = slice(0, 0) if place is None else slice(alike.starts[place], alike.starts[place + 1])
            pairs = zip(ids[alike.related[part]].tolist(), alike.scores[part].tolist(), strict=True)
            answer[product_id] = [Scored(*pair) for pair in list(pairs)[:first]]
        return answer

    def explain(self, customer_id: int, product_id: int) -> list[Contribution]:
        """By the linear part of the model (co-purchase cosine): what was bought speaks for itself first."""
        place = self._positions.product(product_id)
        own = self._positions.of_customers([customer_id], self._own_amounts([customer_id]))
        if place is None or not own.nnz:
            return []
        related = self._completing.as_matrix()[:, [place]].toarray().ravel()
        related[place] = 1.0
        values = own.data * related[own.indices]
        total = values.sum()
        found = [
            Contribution(int(self._moment.history.product_ids[bought]), float(value / total))
            for bought, value in zip(own.indices.tolist(), values.tolist(), strict=True)
            if value > 0
        ]
        return sorted(found, key=lambda part: (-part.share, part.product_id))

    def save(self, path: Path) -> None:
        arrays = persistence.packed("history", self._moment.history)
        for prefix, record in (
            ("together", self._moment.together),
            ("ease", self._moment.ease),
            ("completing", self._completing),
            ("alike", self._alike),
        ):
            arrays |= persistence.packed(prefix, record)
        if self._rankers is not None:
            arrays["ranker.next"] = np.frombuffer(self._rankers.next.to_bytes(), dtype=np.uint8)
            arrays["ranker.new"] = np.frombuffer(self._rankers.new.to_bytes(), dtype=np.uint8)
        persistence.write(path, self.name, dataclasses.asdict(self.parameters), arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        settings, arrays = persistence.read(path, cls.name)
        parameters = persistence.parameters_of(path, settings)
        history = persistence.unpacked(PurchaseHistory, "history", arrays)
        moment = Moment(
            history,
            Statistics.of(history),
            persistence.unpacked(Affinities, "together", arrays),
            persistence.unpacked(Ease, "ease", arrays),
            parameters,
        )
        rankers = None
        if "ranker.next" in arrays:
            if not available():
                raise ModelFileError(f"{path} holds a ranker, whose library (xgboost-cpu) is not installed here.")
            try:
                rankers = Rankers(
                    *(Ranker.from_bytes(arrays[name].tobytes()) for name in ("ranker.next", "ranker.new"))
                )
            except (KeyError, ValueError) as error:
                raise ModelFileError(f"{path} holds a ranker that cannot be read: {error}") from error
        completing = persistence.unpacked(Affinities, "completing", arrays)
        alike = persistence.unpacked(Affinities, "alike", arrays)
        return cls(moment, rankers, completing, alike, Selection.without_comparison(parameters, rankers))

    def completing_lists(self) -> Iterator[RelatedList]:
        """For each product that has any: what is bought in the same baskets."""
        return self._related(self._completing)

    def similar_lists(self) -> Iterator[RelatedList]:
        """For each product that has any: products of its category that the same customers buy."""
        return self._related(self._alike)

    def personal_lists(self, unlisted: Collection[int] = ()) -> Iterator[PersonalList]:
        """For each customer but the unlisted ones, given by id."""
        history = self._moment.history
        listed = ~np.isin(history.customer_ids, np.fromiter(unlisted, dtype=np.int64, count=len(unlisted)))
        for lists in self._lists(listed):
            products = history.product_ids[lists.products].tolist()
            known = history.product_ids[lists.reason_products]
            reasons = np.where(lists.kinds == Why.POPULAR, NO_REASON, known).tolist()
            scores, kinds, values = lists.scores.tolist(), lists.kinds.tolist(), lists.reason_values.tolist()
            # What has halved over many years may be nearer to 0 than the column can hold, which refuses it.
            amounts = lists.amounts.astype(np.float32).tolist()
            due, rhythm = _known(lists.due_days), _known(lists.rhythm_days)
            starts = row_starts(lists.customers)
            customers = history.customer_ids[lists.customers[starts]].tolist()
            bounds = np.append(starts, len(products)).tolist()
            for customer, first, last in zip(customers, bounds[:-1], bounds[1:], strict=True):
                part = slice(first, last)
                yield PersonalList(
                    customer,
                    products[part],
                    scores[part],
                    kinds[part],
                    reasons[part],
                    values[part],
                    amounts[part],
                    due[part],
                    rhythm[part],
                )

    def popular_lists(self) -> Iterator[PopularList]:
        """For each channel and each category in it: what sells most, and what sells more than before."""
        chosen = self.parameters
        return channel_lists(self._moment.history, chosen.popular_window_days, chosen.popular_limit)

    def _lists(self, listed: npt.NDArray[np.bool_]) -> Iterator[PersonalLists]:
        moment = self._moment
        source = moment.source()
        for candidates in source.blocks(listed):
            if self._rankers is None:
                preferences = simple_preferences(candidates, moment.statistics, self.parameters)
            else:
                preferences = self._rankers.preferences(moment.features(candidates))
            yield explained(arranged(candidates, preferences, moment.statistics, self.parameters), source)

    def _own_amounts(self, customer_ids: Sequence[int | None]) -> sparse.csr_array:
        """(U, P) how much these customers bought, of what they are listed."""
        count = len(self._moment.history.customer_ids)
        places = self._positions.customers(customer_ids)
        listed = np.zeros(count, dtype=bool)
        listed[places[places != UNKNOWN]] = True
        total = sparse.csr_array((count, self._moment.statistics.size), dtype=np.float32)
        for lists in self._lists(listed):
            total = total + lists.amounts_of(count, self._moment.statistics.size)
        return total.tocsr()

    def _most_sold(self) -> npt.NDArray[np.int64]:
        lately = recent_popularity(self._moment.history, self.parameters.popular_window_days)
        return by_sales(lately, self._moment.statistics.products.baskets)

    def _related(self, affinities: Affinities) -> Iterator[RelatedList]:
        ids = self._moment.history.product_ids
        related = ids[affinities.related].tolist()
        scores, confidences = affinities.scores.tolist(), affinities.confidences.tolist()
        bounds = affinities.starts.tolist()
        for product, first, last in zip(ids.tolist(), bounds[:-1], bounds[1:], strict=True):
            if last > first:
                part = slice(first, last)
                yield RelatedList(product, related[part], scores[part], confidences[part])


def _completing_limit(history: PurchaseHistory, chosen: Parameters) -> int:
    return max(
        chosen.related_limit, min(chosen.completing_limit, COMPLETING_ENTRIES // max(len(history.product_ids), 1))
    )


def _known(days: npt.NDArray[np.float64]) -> list[float | None]:
    return [value if isfinite(value) else None for value in days.tolist()]


def _of_kind(lists: PersonalLists, kind: Kind) -> npt.NDArray[np.bool_]:
    bought: npt.NDArray[np.bool_] = lists.kinds == Why.BOUGHT_BEFORE
    if kind is Kind.FOR_YOU:
        return np.ones(len(bought), dtype=bool)
    return bought if kind is Kind.BUY_AGAIN else ~bought


def _runs(sorted_rows: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    starts = row_starts(sorted_rows)
    bounds = np.append(starts, len(sorted_rows)).tolist()
    for first, last in pairwise(bounds):
        yield int(sorted_rows[first]), np.arange(first, last)


def _held(matrix: sparse.csr_array | None, row: int) -> set[int]:
    """The columns of a row; none of `UNKNOWN`."""
    if matrix is None or row == UNKNOWN:
        return set()
    return set(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tolist())


def _filled(
    entries: list[Scored],
    popular: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
    kept_out: set[int],
    first: int,
) -> list[Scored]:
    """What sells most behind a list that runs short."""
    there = {entry.product_id for entry in entries}
    filled = list(entries)
    for place in popular.tolist():
        if len(filled) >= first:
            break
        product_id = int(ids[place])
        if place not in kept_out and product_id not in there:
            filled.append(Scored(product_id, 0.0))
    return filled
