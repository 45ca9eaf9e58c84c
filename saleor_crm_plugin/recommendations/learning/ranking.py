"""The best few of many, the same few each time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def best_per_row(
    rows: npt.NDArray[np.integer], items: npt.NDArray[np.integer], scores: npt.NDArray[np.floating], limit: int
) -> npt.NDArray[np.int64]:
    """Positions of the `limit` best entries of each row, row after row, best first; equal scores by item.

    Args:
        rows, items, scores: (n,) entries of a sparse matrix, row after row, in any order within a row.

    Returns:
        (m,) positions, m <= n.
    """
    chosen = _not_below_the_last(rows, scores, limit)
    rows, items, scores = rows[chosen], items[chosen], scores[chosen]
    order = np.lexsort((items, -scores, rows))
    return chosen[order[places(rows[order]) < limit]]


def _not_below_the_last(
    rows: npt.NDArray[np.integer], scores: npt.NDArray[np.floating], limit: int
) -> npt.NDArray[np.int64]:
    """Positions of all that may be among the best: to sort those alone is eight times as fast as to sort all."""
    starts = row_starts(rows)
    ends = np.append(starts[1:], len(rows))
    keep = np.ones(len(rows), dtype=bool)
    long = ends - starts > limit
    for first, last in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        row = scores[first:last]
        keep[first:last] = row >= np.partition(row, len(row) - limit)[len(row) - limit]
    return np.flatnonzero(keep)


def row_starts(sorted_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Where each run of equal values begins."""
    if len(sorted_rows) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate(([0], np.flatnonzero(sorted_rows[1:] != sorted_rows[:-1]) + 1))


def places(sorted_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """0, 1, 2, … within each run of equal values."""
    starts = row_starts(sorted_rows)
    lengths = np.diff(np.append(starts, len(sorted_rows)))
    return np.arange(len(sorted_rows)) - np.repeat(starts, lengths)


def found_in(
    known: npt.NDArray[np.int64], asked: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Where each of `asked` stands in `known` (sorted), and whether it does: a place that is not means nothing.

    Returns:
        Two arrays as long as `asked`.
    """
    if len(known) == 0:
        return np.zeros(len(asked), dtype=np.int64), np.zeros(len(asked), dtype=bool)
    places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return places, known[places] == asked


def spread(values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Numbers from 0 to 2^32, the same each time, that say nothing of the order of `values`: a sample that needs no
    random state. Knuth's multiplicative hash ("The art of computer programming", volume 3, section 6.4).
    """
    return (values.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)
