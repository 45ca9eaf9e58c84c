"""The best few of dense scores, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.interface import Scored

Array = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]

# Scores held at a time, four bytes each.
BLOCK_SCORES: Final = 8_000_000


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Ranges of rows of at most BLOCK_SCORES scores each (or one row)."""
    step = max(1, BLOCK_SCORES // max(columns, 1))
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def without(scores: Floats32, held: sparse.csr_array) -> None:
    """Strike out in each row what the same row of `held` holds."""
    rows = np.repeat(np.arange(held.shape[0]), np.diff(held.indptr))
    scores[rows, held.indices] = -np.inf


def only(scores: Floats32, held: sparse.csr_array) -> None:
    """Strike out in each row what the same row of `held` does not hold."""
    kept = np.zeros(scores.shape, dtype=bool)
    kept[np.repeat(np.arange(held.shape[0]), np.diff(held.indptr)), held.indices] = True
    scores[~kept] = -np.inf


def best(scores: Floats32, product_ids: Array, first: int) -> list[list[Scored]]:
    """Of each row the `first` best above 0, equal ones by id."""
    if first < 1:
        return [[] for _ in scores]
    lists = []
    for row in scores:
        # Rows are mostly 0, and to partition what is equal takes ten times as long.
        places = np.flatnonzero(row > 0)
        if len(places) > first:
            values = row[places]
            # So many that ties at the end are decided by id, not by chance.
            places = places[values >= np.partition(values, len(values) - first)[len(values) - first]]
        places = places[np.lexsort((places, -row[places]))[:first]]
        lists.append([Scored(*pair) for pair in zip(product_ids[places].tolist(), row[places].tolist(), strict=True)])
    return lists
