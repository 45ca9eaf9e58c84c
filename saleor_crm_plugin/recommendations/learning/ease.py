"""EASE: a linear model of which products go with which, in closed form.

Source: Steck, "Embarrassingly shallow autoencoders for sparse data" (WWW 2019), section 3: with the Gram matrix G of
the customers' (or baskets') products and P = (G + lambda I)^-1, the weight of product j for product i is
-P[j, i] / P[i, i], and 0 on the diagonal. Linear, so that each past product's part of a score is its explanation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from saleor_crm_plugin.recommendations.learning.ranking import found_in

# Products that take part, the most sold ones: the inverse takes n² x 4 bytes three times, and time with n³. Complete
# Journey: 4,000 products 200 MB and 2 s, nDCG@10 of what was never bought .049; 6,000: 430 MB, 6 s, .051.
PRODUCTS_LIMIT: Final = 4_000


@dataclass(frozen=True, slots=True)
class Ease:
    """Weights between the m products that take part.

    Attributes:
        products: (m,) their positions, sorted.
        weights: (m, m) row: product bought, column: product recommended.
    """

    products: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]

    def scores(self, rows: sparse.csr_array) -> npt.NDArray[np.float32]:
        """(k, m) scores of k customers or baskets, given as (k, P) weights of what they hold."""
        return np.asarray(rows[:, self.products] @ self.weights, dtype=np.float32)

    def places(self, products: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where each of these positions stands among `products`; -1 where it takes no part."""
        places, takes_part = found_in(self.products, products)
        return np.where(takes_part, places, -1)


def fit_ease(matrix: sparse.csr_array, regularization: float, limit: int = PRODUCTS_LIMIT) -> Ease:
    """Learn from a (rows, P) matrix of ones.

    Args:
        regularization: lambda, above 0; the larger, the more it takes to link two products.
        limit: see `PRODUCTS_LIMIT`.
    """
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    sold = np.flatnonzero(counts)
    chosen = np.sort(sold[np.argsort(-counts[sold], kind="stable")[:limit]])
    if len(chosen) == 0:
        return Ease(chosen, np.zeros((0, 0), dtype=np.float32))
    gram = _gram(matrix[:, chosen].tocsr())
    gram[np.diag_indices_from(gram)] += np.float32(regularization)
    factor, failed = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    if failed:
        raise ArithmeticError(f"The products' Gram matrix is not positive definite (LAPACK: {failed}).")
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse, -1)
    weights = lower + lower.T
    weights /= -np.diag(inverse)[None, :]
    return Ease(chosen, np.ascontiguousarray(weights, dtype=np.float32))


def _gram(matrix: sparse.csr_array) -> npt.NDArray[np.float32]:
    lengths = np.diff(matrix.indptr).astype(np.float64)
    # Multiplications of the sparse product and of the dense one, which does some forty in the time of one.
    if (lengths**2).sum() * 40 < float(matrix.shape[0]) * matrix.shape[1] ** 2:
        return np.asarray((matrix.T @ matrix).toarray(order="F"), dtype=np.float32)
    gram = np.zeros((matrix.shape[1], matrix.shape[1]), dtype=np.float32, order="F")
    rows = max(1, DENSE_ENTRIES // matrix.shape[1])
    for first in range(0, matrix.shape[0], rows):
        dense = matrix[first : first + rows].toarray()
        gram += dense.T @ dense
    return gram


# Entries of the matrix that are dense at a time: 40 MB.
DENSE_ENTRIES: Final = 10_000_000
