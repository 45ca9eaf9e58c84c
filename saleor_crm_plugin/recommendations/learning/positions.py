"""From ids to the positions of a history, for whoever is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.ranking import found_in

UNKNOWN = -1


class Positions:
    def __init__(self, history: PurchaseHistory) -> None:
        self._customer_ids = history.customer_ids
        self._product_ids = history.product_ids

    def customers(self, ids: Sequence[int | None]) -> npt.NDArray[np.int64]:
        """(k,) the position of each, `UNKNOWN` where there is none."""
        places = _positions(self._customer_ids, [UNKNOWN if id is None else id for id in ids])
        # Ids may be any integers, -1 as well: baskets without a customer have negative ones (`evaluation.csv_source`).
        return np.where([id is None for id in ids], UNKNOWN, places) if len(places) else places

    def product(self, product_id: int) -> int | None:
        place = int(_positions(self._product_ids, [product_id])[0])
        return None if place == UNKNOWN else place

    def of_customers(self, ids: Sequence[int | None], rows: sparse.csr_array) -> sparse.csr_array:
        """The rows of these customers; an empty one for whoever is not known."""
        places = self.customers(ids)
        known = places != UNKNOWN
        pick = sparse.csr_array(
            (np.ones(int(known.sum()), dtype=np.float32), (np.flatnonzero(known), places[known])),
            shape=(len(places), rows.shape[0]),
        )
        return (pick @ rows).tocsr()

    def of_baskets(self, baskets: Sequence[Collection[int]]) -> sparse.csr_array:
        """(b, P) matrix of ones: what each basket holds, of what is known."""
        lengths = [len(set(basket)) for basket in baskets]
        places = _positions(self._product_ids, [id for basket in baskets for id in sorted(set(basket))])
        rows = np.repeat(np.arange(len(baskets)), lengths)
        known = places != UNKNOWN
        return sparse.csr_array(
            (np.ones(int(known.sum()), dtype=np.float32), (rows[known], places[known])),
            shape=(len(baskets), len(self._product_ids)),
        )


def _positions(known: npt.NDArray[np.int64], ids: Sequence[int]) -> npt.NDArray[np.int64]:
    asked = np.asarray(ids, dtype=np.int64)
    places, is_known = found_in(known, asked)
    return np.where(is_known, places, UNKNOWN)
