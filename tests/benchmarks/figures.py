"""What a benchmark has found: figures, each beside what it is measured against, and the budgets that they keep.

A ratio is ours divided by the other side's, of runs of one after the other; it is below 1 where ours takes less. A
spread is the median of the runs with the least and the most. Times are in seconds, memory in MB (2^20 bytes).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, the least and the most of them, and how many there were."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure must not exceed."""

    of: Literal["ratio", "seconds", "p95", "peak_mb", "statements", "value"]
    at_most: float

    def __str__(self) -> str:
        limit = f"{self.at_most:,.3g}" if self.at_most < 1000 else f"{self.at_most:,.0f}"
        match self.of:
            case "ratio":
                return f"≤ {limit} times"
            case "seconds":
                return f"≤ {duration(self.at_most)}"
            case "p95":
                return f"p95 ≤ {duration(self.at_most)}"
            case "peak_mb":
                return f"≤ {limit} MB"
            case "statements":
                return f"≤ {limit} statements"
            case _:
                return f"≤ {limit}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        name: what was measured. size: of how many, where the same is measured at several sizes.
        seconds, p95, p99: ours. beside: what the other side is; theirs: its seconds. ratio: ours / theirs, run by run.
        value, unit: where it is not a time: what was counted. peak_mb: the most memory of the process that measured,
        without PostgreSQL's. statements: of one call.
    """

    name: str
    size: int | None = None
    seconds: Spread | None = None
    p95: float | None = None
    p99: float | None = None
    beside: str = ""
    theirs: Spread | None = None
    ratio: Spread | None = None
    value: float | None = None
    unit: str = ""
    peak_mb: float | None = None
    statements: int | None = None
    budgets: tuple[Budget, ...] = ()
    note: str = ""

    def missed(self) -> list[Budget]:
        """The budgets that it does not keep."""
        return [budget for budget in self.budgets if not self._measured(budget.of) <= budget.at_most]

    def _measured(self, what: str) -> float:
        found = getattr(self, what)
        if isinstance(found, Spread):
            return found.median
        return math.nan if found is None else float(found)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        spreads = {name: Spread(**found[name]) for name in ("seconds", "theirs", "ratio") if name in found}
        budgets = tuple(Budget(**budget) for budget in found.get("budgets", ()))
        return cls(**{**found, **spreads, "budgets": budgets})

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in (None, "", ())}

    def cells(self) -> list[str]:
        """What it says under each of `COLUMNS`."""
        return [
            self.name if self.size is None else f"{self.name}, {self.size:,}",
            self._ours(),
            f"{duration(self.theirs.median)} {self.beside}" if self.theirs else self.beside,
            self._times(),
            "" if self.statements is None else str(self.statements),
            "" if self.peak_mb is None else f"{self.peak_mb:,.0f}",
            ", ".join(str(budget) + (" MISSED" if budget in self.missed() else "") for budget in self.budgets),
            self.note,
        ]

    def _ours(self) -> str:
        if self.seconds is None:
            return "" if self.value is None else f"{_plain(self.value)} {self.unit}".rstrip()
        tails = [
            f"{name} {duration(tail)}" for name, tail in (("p95", self.p95), ("p99", self.p99)) if tail is not None
        ]
        if not tails and self.seconds.runs > 1:
            tails = [f"{duration(self.seconds.low)} to {duration(self.seconds.high)}"]
        return duration(self.seconds.median) + (f" ({', '.join(tails)})" if tails else "")

    def _times(self) -> str:
        if self.ratio is None:
            return ""
        return f"{_plain(self.ratio.median)} ({_plain(self.ratio.low)} to {_plain(self.ratio.high)})"


COLUMNS = ("what", "ours", "beside", "ratio", "SQL", "MB", "budget", "")


def duration(seconds: float) -> str:
    """In the unit that suits it: "512 µs", "20.4 ms", "1.05 s"."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{_plain(seconds * 1000)} ms"
    return f"{_plain(seconds)} s"


def _plain(value: float) -> str:
    """Three digits that count, or a whole number as it is."""
    if isinstance(value, int) or value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
