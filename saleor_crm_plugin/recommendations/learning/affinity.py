"""Which products go together: cosine between the columns of a sparse matrix of ones.

On baskets this is co-purchase (complements); on customers, within a category, it finds what the same people buy for
the same use (substitutes). Source: Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering
recommendation algorithms" (WWW 2001), section 3.1.1; Linden, Smith and York, "Amazon.com recommendations" (IEEE
Internet Computing 2003). Cosine rather than raw counts, which put the same bestsellers everywhere: see the table
"one item of a basket hidden" in docs/explanation/recommendations.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.ease import Ease
from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY, PurchaseHistory
from saleor_crm_plugin.recommendations.learning.ranking import best_per_row, spread

# Co-purchase counts held at a time: 8 bytes each, and some 24 more while the best are picked.
BLOCK_ENTRIES = 4_000_000
# A basket of n products makes n² pairs. Larger ones are thinned out to this many, so that the work stays linear in
# the lines. Of Complete Journey's 155,848 baskets 3 are larger, and 91 of its 2,469 customers bought more products.
MAX_BASKET_PRODUCTS = 150
MAX_CUSTOMER_PRODUCTS = 1000


class Mixture(NamedTuple):
    """`ease` on baskets, and what its weights and the cosine count."""

    ease: Ease
    cosine: float
    linear: float


@dataclass(frozen=True, slots=True)
class Affinities:
    """The best related products of each product, as m entries sorted by product, best first.

    Attributes:
        starts: (P + 1,) the entries of product p are `starts[p]:starts[p + 1]`.
        related: (m,) product positions.
        scores: (m,) cosines, 0 to 1; of a mixture any, below 0 for what is bought instead.
        confidences: (m,) share of the product's rows (baskets, customers) that hold the related one too.
    """

    starts: npt.NDArray[np.int64]
    related: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    confidences: npt.NDArray[np.float32]

    def as_matrix(self) -> sparse.csr_array:
        """(P, P) matrix of the scores, row: product, column: related product."""
        size = len(self.starts) - 1
        return sparse.csr_array((self.scores, self.related, self.starts), shape=(size, size))


def bought_together(
    history: PurchaseHistory, minimum_support: int, limit: int, mixture: Mixture | None = None
) -> Affinities:
    """What is bought in the same baskets; with `ease`, also what is bought instead, with scores below 0.

    Args:
        minimum_support: baskets that must hold both products.
        limit: related products for each product, those with the largest scores, whatever their sign.
        mixture: what counts beside the cosine, and how much.
    """
    matrix = _thinned(history.by_basket(), MAX_BASKET_PRODUCTS)
    return _collected([_entries(matrix, minimum_support, limit, mixture)], matrix.shape[1])


def bought_by_the_same(history: PurchaseHistory, minimum_support: int, limit: int) -> Affinities:
    """Products of the same category that the same customers buy. Arguments as of `bought_together`, by customer."""
    matrix = _thinned(history.by_customer(), MAX_CUSTOMER_PRODUCTS)
    parts: list[_Entries] = []
    for columns in _by_category(history.categories):
        entries = _entries(matrix[:, columns], minimum_support, limit)
        parts.append(_Entries(columns[entries.rows], columns[entries.related], entries.scores, entries.confidences))
    return _collected(parts, matrix.shape[1])


@dataclass(frozen=True, slots=True)
class _Entries:
    rows: npt.NDArray[np.int64]
    related: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    confidences: npt.NDArray[np.float32]


def _entries(matrix: sparse.csr_array, minimum_support: int, limit: int, mixture: Mixture | None = None) -> _Entries:
    """Best entries of `matrix.T @ matrix` by cosine, in blocks of rows that keep the memory bounded."""
    place = mixture.ease.places(np.arange(matrix.shape[1])) if mixture is not None else None
    counts = np.asarray(matrix.sum(axis=0)).ravel().astype(np.float64)
    # Whoever has too few purchases alone has too few with anything else.
    frequent = np.flatnonzero(counts >= minimum_support)
    matrix = matrix[:, frequent].tocsr()
    counts = counts[frequent]
    transposed = matrix.T.tocsr()
    parts: list[_Entries] = []
    for first, last in _blocks(matrix, transposed):
        product = (transposed[first:last] @ matrix).tocoo()
        rows, related, together = product.row + first, product.col, product.data
        keep = (together >= minimum_support) & (rows != related)
        rows, related, together = rows[keep], related[keep], together[keep].astype(np.float64)
        scores = together / np.sqrt(counts[rows] * counts[related])
        if mixture is not None and place is not None:
            scores *= mixture.cosine
            of_rows, of_related = place[frequent[rows]], place[frequent[related]]
            part = (of_rows >= 0) & (of_related >= 0)
            scores[part] += mixture.linear * mixture.ease.weights[of_rows[part], of_related[part]]
            kept = np.sort(best_per_row(rows, related, np.abs(scores), limit))
            rows, related, together, scores = rows[kept], related[kept], together[kept], scores[kept]
        best = best_per_row(rows, related, scores, limit)
        rows, related = rows[best], related[best]
        parts.append(
            _Entries(
                frequent[rows],
                frequent[related],
                scores[best].astype(np.float32),
                (together[best] / counts[rows]).astype(np.float32),
            )
        )
    return _joined(parts)


def _blocks(matrix: sparse.csr_array, transposed: sparse.csr_array) -> list[tuple[int, int]]:
    """Ranges of rows of `transposed @ matrix` with at most BLOCK_ENTRIES entries each (or one row)."""
    lengths = np.diff(matrix.indptr)
    # Additions that a row takes: an upper bound of its entries.
    work = transposed.astype(np.float64) @ lengths.astype(np.float64)
    bound = np.cumsum(np.minimum(work, matrix.shape[1]))
    blocks, first = [], 0
    while first < len(bound):
        done = bound[first - 1] if first else 0.0
        last = max(first + 1, int(np.searchsorted(bound, done + BLOCK_ENTRIES, side="right")))
        blocks.append((first, last))
        first = last
    return blocks


def _joined(parts: list[_Entries]) -> _Entries:
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return _Entries(nothing, nothing, nothing.astype(np.float32), nothing.astype(np.float32))
    return _Entries(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.related for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.confidences for part in parts]),
    )


def _collected(parts: list[_Entries], size: int) -> Affinities:
    joined = _joined(parts)
    order = np.argsort(joined.rows, kind="stable")
    starts = np.searchsorted(joined.rows[order], np.arange(size + 1))
    return Affinities(
        starts.astype(np.int64),
        joined.related[order].astype(np.int32),
        joined.scores[order],
        joined.confidences[order],
    )


def _by_category(categories: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    order = np.argsort(categories, kind="stable")
    _, starts = np.unique(categories[order], return_index=True)
    groups = np.split(order, starts[1:])
    return [group for group in groups if len(group) > 1 and categories[group[0]] != NO_CATEGORY]


def _thinned(matrix: sparse.csr_array, limit: int) -> sparse.csr_array:
    """Rows with more than `limit` entries keep a sample of them, the same one each time."""
    lengths = np.diff(matrix.indptr)
    if lengths.max(initial=0) <= limit:
        return matrix
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    # Other products for each row.
    hashed = (spread(matrix.indices) + rows.astype(np.uint64) * np.uint64(40503)) % np.uint64(2**32)
    kept = np.sort(best_per_row(rows, matrix.indices, -hashed.astype(np.float64), limit))
    return sparse.csr_array((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)
