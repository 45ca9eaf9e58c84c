"""The report of `make bench`: a table as the figures come, and all of it as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import COLUMNS, Figure

_WIDTHS = (52, 28, 28, 24, 5, 6, 30, 0)
_OTHER_SIDES = ("lifetimes", "implicit", "pandas", "polars", "numpy", "scipy", "psycopg", "Django")


def header() -> str:
    return _line(COLUMNS)


def line(figure: Figure) -> str:
    return _line(figure.cells())


def _line(cells: Any) -> str:
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory_mb": int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20),
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: found for name in _OTHER_SIDES if (found := _version(name))},
    }


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip()


def _first(file: str, field: str) -> str:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((text.partition(":")[2].strip() for text in lines if text.startswith(field)), "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def write(file: Path, machine: dict[str, Any], figures: dict[str, list[dict[str, Any]]]) -> None:
    """`figures`: of each benchmark. A run of some benchmarks replaces theirs and leaves the others' as they are."""
    before = json.loads(file.read_text()) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    together = before.get("benchmarks", {}) | {
        name: {"machine": machine, "figures": some} for name, some in figures.items()
    }
    file.write_text(json.dumps({"benchmarks": together}, indent=1, ensure_ascii=False) + "\n")
