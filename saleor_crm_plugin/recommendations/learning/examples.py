"""What a ranker learns from: candidates of the past whose outcome is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.evaluation.cases import Cases
from saleor_crm_plugin.recommendations.learning.moments import Snapshot
from saleor_crm_plugin.recommendations.learning.ranking import row_starts, spread

# Candidates of one moment that a ranker learns from: all that were bought, and a sample of the others. Complete Journey
# has 470,000 a moment; with a fifth of them the ranker is as good, in a fifth of the time and memory.
ROWS_LIMIT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Examples:
    """(n,) candidates, list after list.

    Attributes:
        features: (n, F). wanted: what was bought. groups: number of the list (one customer at one moment), rising.
    """

    features: npt.NDArray[np.float32]
    wanted: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]

    @classmethod
    def of(cls, snapshot: Snapshot, cases: Cases, among: npt.NDArray[np.bool_]) -> Self:
        """Those of the candidates `among` whose customer bought at least one of them."""
        wanted = snapshot.wanted(cases) & among
        customers = snapshot.candidates.customers
        bought = np.bincount(customers[wanted], minlength=int(customers.max(initial=0)) + 1)
        usable = among & (bought[customers] > 0)
        others = int((usable & ~wanted).sum())
        share = max(ROWS_LIMIT - int(wanted.sum()), 0) / max(others, 1)
        hashed = spread(customers * 40503 + snapshot.candidates.products) / 2**32
        kept = np.flatnonzero(usable & (wanted | (hashed < share)))
        customers = customers[kept]
        starts = row_starts(customers)
        groups = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(customers))))
        return cls(snapshot.features[kept], wanted[kept], groups)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """One after the other; without any, of no features."""
        if not parts:
            nothing = np.zeros(0, dtype=np.int64)
            return cls(np.zeros((0, 0), dtype=np.float32), nothing.astype(bool), nothing)
        groups, first = [], 0
        for part in parts:
            groups.append(part.groups + first)
            first += int(part.groups.max(initial=-1)) + 1
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.wanted for part in parts]),
            np.concatenate(groups),
        )

    @property
    def lists_count(self) -> int:
        return int(self.groups.max(initial=-1)) + 1
