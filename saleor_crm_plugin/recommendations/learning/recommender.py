"""The learner as its callers see it: purchases in, lists of ids out, never a matrix or a position."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple, Self

import numpy as np

from saleor_crm_plugin.recommendations.learning.affinity import Affinities, bought_by_the_same, bought_together
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.personal import personal_lists
from saleor_crm_plugin.recommendations.learning.popular import popular_by_channel
from saleor_crm_plugin.recommendations.learning.ranking import row_starts
from saleor_crm_plugin.recommendations.learning.trending import trending_by_channel

BESTSELLERS, TRENDING = "bestsellers", "trending"


class RelatedList(NamedTuple):
    """What goes with a product, best first: ids, cosines (0 to 1), share of its purchases that hold the other."""

    product_id: int
    related_ids: list[int]
    scores: list[float]
    confidences: list[float]


class PersonalList(NamedTuple):
    """What a customer may want next, best first. Units as of `personal.PersonalLists`, with ids for positions.

    Attributes:
        due_days: days after the end of the history at which the customer is expected to buy it again; NaN where not
            known, or not bought before.
        rhythm_days: days between the customer's purchases of it; NaN likewise. Either may be empty: nothing is known.
    """

    customer_id: int
    product_ids: list[int]
    scores: list[float]
    reason_kinds: list[int]
    reason_product_ids: list[int]
    reason_values: list[float]
    due_days: list[float]
    rhythm_days: list[float]


class PopularList(NamedTuple):
    """What a channel, or a category in it, sells most of late (`kind` "bestsellers"; the scores are baskets), or more
    of than before ("trending"; sales as a multiple of those before), best first.

    Attributes:
        category_id: 0 for the whole channel.
    """

    kind: str
    channel_id: int
    category_id: int
    product_ids: list[int]
    scores: list[float]


class Recommender:
    """What was learnt from a `PurchaseHistory`. Related products are in memory, personal lists computed as read."""

    def __init__(
        self, history: PurchaseHistory, parameters: Parameters, together: Affinities, similar: Affinities
    ) -> None:
        self._history = history
        self._parameters = parameters
        self._together = together
        self._similar = similar

    @classmethod
    def fit(cls, history: PurchaseHistory, parameters: Parameters | None = None) -> Self:
        """Learn. Time and memory are linear in the lines."""
        chosen = parameters or Parameters()
        return cls(
            history,
            chosen,
            bought_together(history, chosen.minimum_support, chosen.related_limit),
            bought_by_the_same(history, chosen.minimum_support, chosen.related_limit),
        )

    def bought_together(self) -> Iterator[RelatedList]:
        """For each product that has any: what is bought in the same baskets."""
        return self._related(self._together)

    def similar(self) -> Iterator[RelatedList]:
        """For each product that has any: products of its category that the same customers buy."""
        return self._related(self._similar)

    def personal(self, unlisted: Collection[int] = ()) -> Iterator[PersonalList]:
        """For each customer but the unlisted ones, given by id."""
        ids = self._history.product_ids
        listed = ~np.isin(self._history.customer_ids, np.fromiter(unlisted, dtype=np.int64, count=len(unlisted)))
        for lists in personal_lists(self._history, self._together, self._parameters, listed):
            starts = row_starts(lists.customers)
            products = ids[lists.products].tolist()
            reasons = ids[lists.reason_products].tolist()
            scores, kinds, values = lists.scores.tolist(), lists.kinds.tolist(), lists.reason_values.tolist()
            customers = self._history.customer_ids[lists.customers[starts]].tolist()
            bounds = np.append(starts, len(products)).tolist()
            for customer, first, last in zip(customers, bounds[:-1], bounds[1:], strict=True):
                part = slice(first, last)
                yield PersonalList(
                    customer, products[part], scores[part], kinds[part], reasons[part], values[part], [], []
                )

    def popular(self) -> Iterator[PopularList]:
        """For each channel and each category in it: what sells most, and what sells more than before."""
        history, parameters = self._history, self._parameters
        window, limit = parameters.popular_window_days, parameters.popular_limit
        for kind, lists in (
            (BESTSELLERS, popular_by_channel(history, window, limit)),
            (TRENDING, trending_by_channel(history, window, limit)),
        ):
            for entry in lists:
                yield PopularList(
                    kind,
                    int(history.channel_ids[entry.channel]),
                    entry.category_id,
                    history.product_ids[entry.products].tolist(),
                    entry.scores.tolist(),
                )

    def _related(self, affinities: Affinities) -> Iterator[RelatedList]:
        ids = self._history.product_ids
        related = ids[affinities.related].tolist()
        scores, confidences = affinities.scores.tolist(), affinities.confidences.tolist()
        bounds = affinities.starts.tolist()
        for product, first, last in zip(ids.tolist(), bounds[:-1], bounds[1:], strict=True):
            if last > first:
                part = slice(first, last)
                yield RelatedList(product, related[part], scores[part], confidences[part])
