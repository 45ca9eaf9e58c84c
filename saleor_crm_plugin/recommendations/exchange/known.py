"""Ids of others against those of the shop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.exchange.tables import Ints, Place
from saleor_crm_plugin.recommendations.learning.ranking import found_in

# Share of the ids in a file that the shop may have lost since the export: customers who were erased or merged, products
# that were deleted. Ids of something else (users, positions in a matrix, another shop) go far beyond.
MOST_UNKNOWN = 0.1


class KnownIds:
    """The ids that there are of one kind of thing, and how many of those in a file there are not.

    Args:
        ids: sorted, without repeats.
        what: the kind of thing, for people: "products".
    """

    def __init__(self, ids: Ints, what: str) -> None:
        self.ids = ids
        self.what = what

    def has(self, ids: Ints) -> npt.NDArray[np.bool_]:
        _, known = found_in(self.ids, ids)
        return known


class Unknown:
    """Counts the ids of one column that the shop does not know."""

    def __init__(self, known: KnownIds, column: str) -> None:
        self._known = known
        self._column = column
        self._first: tuple[Place, int, int] | None = None
        self.total = 0
        self.unknown = 0

    def kept(self, ids: Ints, place: Place) -> npt.NDArray[np.bool_]:
        """Which of these the shop knows."""
        known = self._known.has(ids)
        self.total += len(ids)
        self.unknown += len(ids) - int(known.sum())
        if self._first is None and not known.all():
            row = int(np.flatnonzero(~known)[0])
            self._first = (place, row, int(ids[row]))
        return known

    def judge(self) -> None:
        """
        Raises:
            ExchangeError: more are unknown than can have gone since the export.
        """
        if self._first is None or self.unknown <= MOST_UNKNOWN * self.total:
            return
        place, row, id = self._first
        raise place.error(
            f"{self.unknown:,} of {self.total:,} ids are none of this shop's {self._known.what}; the first is {id}. "
            f"Up to {MOST_UNKNOWN:.0%} may have gone since the export: is this another column, or an old export?",
            row,
            self._column,
        )
