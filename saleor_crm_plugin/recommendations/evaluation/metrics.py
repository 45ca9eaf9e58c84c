"""Recall, nDCG and hit rate of lists.

nDCG with gains of 0 and 1 and the logarithm to base 2: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR
techniques" (ACM TOIS 2002), section 2; the ideal list holds min(K, number of right products) of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import log2
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.evaluation.cases import Cases
from saleor_crm_plugin.recommendations.learning.ranking import found_in, places

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TOP: Final = 10


class Quality(NamedTuple):
    """(c,) of each case: share of the right products that were in the list; nDCG; 1 where any was, else 0."""

    recall: Floats
    ndcg: Floats
    hits: Floats


def quality(customers: Array, products: Array, cases: Cases, top: int = TOP) -> Quality:
    """Of each case. A customer without a list has 0.

    Args:
        customers, products: (m,) positions: the lists, customer after customer, best first.
    """
    kept = places(customers) < top
    customers, products = customers[kept], products[kept]
    place = places(customers)
    _, right = found_in(cases.keys, customers * cases.products_count + products)
    size = int(max(customers.max(initial=0), cases.customers.max(initial=0))) + 1
    found = np.bincount(customers, weights=right, minlength=size)[cases.customers]
    gains = np.bincount(customers, weights=right / np.log2(place + 2), minlength=size)[cases.customers]
    ideal = np.concatenate(([0.0], np.cumsum(1 / np.log2(np.arange(top) + 2))))
    return Quality(
        recall=found / cases.sizes,
        ndcg=gains / ideal[np.minimum(cases.sizes, top)],
        hits=(found > 0).astype(np.float64),
    )


def ndcg_of(products: Sequence[int], right: Collection[int], top: int = TOP) -> float:
    """nDCG of one list of ids, best first."""
    gains = sum(1 / log2(place + 2) for place, product in enumerate(products[:top]) if product in right)
    ideal = sum(1 / log2(place + 2) for place in range(min(len(right), top)))
    return gains / ideal if ideal else 0.0
