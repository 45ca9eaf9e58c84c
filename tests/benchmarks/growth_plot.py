"""Draws time and memory against size, from the figures of `python -m tests.benchmarks growth`.

python -m tests.benchmarks.growth_plot      # reads .bench/figures.json, writes .bench/growth.svg and growth.png
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(".bench")
OURS, THEIRS, GRID = "#1f5fa8", "#8a8a8a", "#e3e3e3"


def main() -> int:
    figures = json.loads((FOLDER / "figures.json").read_text())["benchmarks"]["growth"]["figures"]
    draw(figures, FOLDER)
    return 0


def draw(figures: Sequence[dict[str, Any]], folder: Path) -> None:
    """A panel for each job, and one for the memory of all; both axes logarithmic."""
    try:
        import matplotlib
    except ImportError:
        print("The plot is left out: pip install matplotlib", flush=True)
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter, NullLocator

    jobs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for figure in figures:
        if "size" in figure and "seconds" in figure:
            jobs[figure["name"]].append(figure)
    sizes = sorted({point["size"] for points in jobs.values() for point in points})
    columns = 5
    rows = -(-(len(jobs) + 1) // columns)
    canvas, axes = plt.subplots(rows, columns, figsize=(17, 3.4 * rows), layout="constrained")
    panels = list(axes.flat)
    for panel, (name, points) in zip(panels, jobs.items(), strict=False):
        _draw_time(panel, name, points)
    memory = panels[len(jobs)]
    for name, points in jobs.items():
        if all("peak_mb" in point for point in points):
            peaks = [point["peak_mb"] for point in points]
            memory.plot([point["size"] for point in points], peaks, marker="o", label=name)
    memory.set(title="memory of our process, at most", ylabel="MB", ylim=(10, None))
    memory.axhline(500, color=THEIRS, linestyle=":", linewidth=1)
    memory.legend(fontsize=6, frameon=False, loc="lower right")
    for panel in panels[: len(jobs) + 1]:
        panel.set(xscale="log", yscale="log", xlabel="orders")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.title.set_fontsize(9)
        panel.grid(color=GRID, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[len(jobs) + 1 :]:
        panel.axis("off")
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("svg", "png"):
        canvas.savefig(folder / f"growth.{kind}", dpi=150)
    plt.close(canvas)


def _draw_time(panel: Any, name: str, points: list[dict[str, Any]]) -> None:
    size = [point["size"] for point in points]
    ours = [point["seconds"]["median"] for point in points]
    spread = [
        [point["seconds"]["median"] - point["seconds"]["low"] for point in points],
        [point["seconds"]["high"] - point["seconds"]["median"] for point in points],
    ]
    panel.errorbar(size, ours, np.maximum(spread, 0), color=OURS, marker="o", capsize=3, label="ours")
    if all("theirs" in point for point in points):
        theirs = [point["theirs"]["median"] for point in points]
        panel.plot(size, theirs, color=THEIRS, marker=".", linestyle="--", label=points[0]["beside"])
    if max(ours) < 10 * min(ours):
        # Else no label of the axis is in sight.
        panel.set_ylim(min(ours) / 4, max(ours) * 4)
    slope = np.polyfit(np.log(size), np.log(ours), 1)[0] if len(points) > 1 else float("nan")
    panel.set(title=f"{name}: exponent {slope:.2f}", ylabel="seconds")
    panel.legend(fontsize=7, frameon=False)


if __name__ == "__main__":
    sys.exit(main())
