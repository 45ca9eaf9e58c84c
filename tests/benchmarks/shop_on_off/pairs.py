"""How much longer an answer takes with the plugin: pairs of times that were measured one right after the other.

Two processes of the same code differ by some percent for as long as they live (where their memory lies, how their
hashes fall). So each side has several, every one of a side is held against every one of the other, and the interval is
of both: of the processes that there happened to be, and of the pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tests.benchmarks.figures import Budget, Figure, Spread

RESAMPLES = 2000
# Any fixed number: the same pairs give the same interval.
SEED = 6

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Pairs:
    """The times of one operation.

    Attributes:
        times: seconds with and without the plugin, by the numbers of the process with and of the process without.
    """

    times: dict[tuple[int, int], list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, processes: tuple[int, int], ours: float, theirs: float) -> None:
        self.times.setdefault(processes, []).append((ours, theirs))

    def blocks(self) -> list[Floats]:
        """The pairs of each two processes, a column of ours and one of theirs."""
        return [np.array(pairs) for _, pairs in sorted(self.times.items())]

    def count(self) -> int:
        return sum(map(len, self.times.values()))

    def ratio(self) -> float:
        """The median of ours divided by theirs, pair by pair."""
        return float(np.median(np.concatenate([_ratios(block) for block in self.blocks()])))

    def interval(self) -> tuple[float, float]:
        """95 %: of resamples of the processes of each side, and of the pairs of each two."""
        dice = np.random.default_rng(SEED)
        ratios = {processes: _ratios(np.array(pairs)) for processes, pairs in self.times.items()}
        ours, theirs = (sorted({processes[side] for processes in ratios}) for side in (0, 1))
        medians = []
        for _ in range(RESAMPLES):
            drawn = [
                dice.choice(ratios[process, other], len(ratios[process, other]))
                for process in dice.choice(ours, len(ours))
                for other in dice.choice(theirs, len(theirs))
                if (process, other) in ratios
            ]
            if drawn:
                medians.append(np.median(np.concatenate(drawn)))
        low, high = np.percentile(medians, [2.5, 97.5])
        return float(low), float(high)

    def apart(self) -> float:
        """By what share the slowest process without the plugin is slower than the fastest: what is no effect of it."""
        medians = []
        for process in sorted({without for _, without in self.times}):
            some = [theirs for (_, without), pairs in self.times.items() if without == process for _, theirs in pairs]
            medians.append(np.median(some))
        return float(max(medians) / min(medians) - 1)

    def figure(self, name: str, budgets: Sequence[Budget] = ()) -> Figure:
        """Medians of the pairs of each two processes; the ratio with the interval in place of its least and most."""
        blocks = self.blocks()
        low, high = self.interval()
        both = np.concatenate(blocks)
        added = float(np.median(both[:, 0] - both[:, 1])) * 1000
        others = len({without for _, without in self.times})
        apart = f"; {others} processes without: {self.apart():.1%} apart" if others > 1 else ""
        return Figure(
            name,
            seconds=Spread.of([float(np.median(block[:, 0])) for block in blocks]),
            p95=float(np.percentile(both[:, 0], 95)),
            beside=f"without (p95 {np.percentile(both[:, 1], 95) * 1000:,.0f} ms)",
            theirs=Spread.of([float(np.median(block[:, 1])) for block in blocks]),
            ratio=Spread(self.ratio(), low, high, self.count()),
            budgets=tuple(budgets),
            note=f"{added:+.2f} ms; 95 % of {self.count()} pairs{apart}",
        )


def _ratios(block: Floats) -> Floats:
    quotients: Floats = block[:, 0] / block[:, 1]
    return quotients
