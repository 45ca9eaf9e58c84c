"""How cost grows: the jobs over all orders and customers, from ten thousand orders to a million.

`GROWTH_SIZES=10000,30000,100000` measures at other numbers of orders. The plot goes to .bench/growth.svg and .png;
`python -m tests.benchmarks.growth_plot` draws it again.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import tempfile
from collections import defaultdict
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests.benchmarks import growth_jobs, growth_plot
from tests.benchmarks.figures import Budget, Figure
from tests.benchmarks.measuring import Bench

SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (200, 400)
BACKFILL = growth_jobs.BACKFILL
# The most that the exponent may be: in line with the orders, and hardly anything whatever there are.
SLOPES = {BACKFILL: 1.05, growth_jobs.ONE_ORDER: 0.1}


def measure(bench: Bench) -> None:
    found: dict[str, list[Figure]] = defaultdict(list)
    for size in chosen_sizes(bench):
        for figure in _of_one_size(bench, size):
            bench.report(figure)
            found[figure.name].append(figure)
    for name, figures in found.items():
        if len(figures) > 1:
            _say_slope(bench, name, figures)
    taken = [seconds / figure.size for figure in found[BACKFILL] if (seconds := _seconds(figure)) and figure.size]
    bench.say(
        "backfill: an order at the largest size, times one at the least",
        taken[-1] / taken[0],
        budgets=[Budget("value", 1.2)],
        note=f"{1 / taken[0]:,.0f} orders a second, then {1 / taken[-1]:,.0f}",
    )
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere) if bench.quick else growth_plot.FOLDER
        growth_plot.draw([figure.as_json() for figures in found.values() for figure in figures], folder)


def chosen_sizes(bench: Bench) -> list[int]:
    chosen = os.environ.get("GROWTH_SIZES")
    if chosen:
        return sorted(int(size) for size in chosen.split(","))
    return list(QUICK_SIZES if bench.quick else SIZES)


def _of_one_size(bench: Bench, size: int) -> list[Figure]:
    """In a process of its own: what one size leaves in memory is not the next one's."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(theirs, size, bench.quick, bench.runs))
    process.start()
    theirs.close()
    figures = []
    try:
        while True:
            figures.append(ours.recv())
    except EOFError:
        process.join()
    if process.exitcode:
        raise RuntimeError(f"Measuring with {size:,} orders ended with {process.exitcode}.")
    return figures


def _measure(report: Connection, size: int, quick: bool, runs: int) -> None:
    growth_jobs.measure(Bench(report.send, quick, runs), size)


def _say_slope(bench: Bench, name: str, figures: list[Figure]) -> None:
    slope = exponent([(figure.size or 0, _seconds(figure)) for figure in figures])
    memory = exponent([(figure.size or 0, figure.peak_mb or 0) for figure in figures])
    steps = [
        math.log(_seconds(after) / _seconds(before)) / math.log((after.size or 1) / (before.size or 1))
        for before, after in itertools.pairwise(figures)
    ]
    bench.say(
        f"{name}: exponent of time",
        slope,
        budgets=[Budget("value", SLOPES[name])] if name in SLOPES else (),
        note=f"step by step {', '.join(f'{step:.2f}' for step in steps)}; of memory {memory:.2f}",
    )


def exponent(points: list[tuple[int, float]]) -> float:
    """The slope of the line through the logarithms: 1 where twice as many take twice as long."""
    at = [(size, value) for size, value in points if value > 0]
    if len(at) < 2:
        return math.nan
    sizes, values = np.log(np.array(at, dtype=float)).T
    return float(np.polyfit(sizes, values, 1)[0])


def _seconds(figure: Figure) -> float:
    return figure.seconds.median if figure.seconds else math.nan
