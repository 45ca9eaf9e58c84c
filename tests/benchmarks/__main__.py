"""Measures what the plugin promises, beside other ways of doing the same.

    python -m tests.benchmarks                      # all of it: more than an hour on a quiet machine
    python -m tests.benchmarks clv sync             # some of it
    python -m tests.benchmarks --quick              # at sizes that say nothing: does each still run?
    python -m tests.benchmarks --list

Each benchmark runs in a process and a database of its own. Prints a table and writes the figures as JSON; ends with 1
where a budget is missed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import reporting
from tests.benchmarks.figures import Figure
from tests.benchmarks.measuring import RUNS, Bench

OUTPUT = Path(".bench/figures.json")
DATABASES = Path(".devshop/pgdata-benchmarks")


def names() -> list[str]:
    return sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of benchmarks; all without any")
    parser.add_argument("--quick", action="store_true", help="at the least sizes, one run of each side")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each side (default: {RUNS})")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help=f"default: {OUTPUT}")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    parser.add_argument("--only", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if unknown := sorted({*arguments.names} - {*names()}):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    if arguments.runs < 1:
        parser.error("--runs must be at least 1")
    if arguments.list:
        print("\n".join(f"{name:<14}{_module(name).__doc__.splitlines()[0]}" for name in names()))
        return 0
    if arguments.only:
        return _measure(arguments.only, arguments)
    return _all(arguments.names or names(), arguments)


def _all(chosen: list[str], arguments: argparse.Namespace) -> int:
    machine = reporting.machine()
    print(
        f"{machine['processors']} processors, {machine['processor']}, {machine['memory_mb']:,} MB,"
        f" load {machine['load_before']}, commit {machine['commit']}\n{reporting.header()}",
        flush=True,
    )
    # A quarter of the memory is what PostgreSQL's manual advises; the tests' server has next to nothing.
    os.environ.setdefault("DEVSHOP_PGDATA", str(DATABASES.resolve()))
    os.environ.setdefault("DEVSHOP_SHARED_BUFFERS", f"{machine['memory_mb'] // 4}MB")
    figures: dict[str, list[dict[str, Any]]] = {}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            print(f"== {name}", flush=True)
            output = Path(folder) / name
            command = [sys.executable, "-m", "tests.benchmarks", "--only", name, "--output", str(output)]
            command += ["--runs", str(arguments.runs)] + ["--quick"] * arguments.quick
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
            else:
                figures[name] = json.loads(output.read_text())
    # What a quick run finds would stand there as if it meant something.
    if not arguments.quick:
        reporting.write(arguments.output, machine, figures)
        print(f"written to {arguments.output}")
    missed = [
        f"{name}: {figure['name']}: {budget}"
        for name, some in figures.items()
        for figure in some
        for budget in Figure.from_json(figure).missed()
    ]
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    if missed and not arguments.quick:
        print("MISSED:\n  " + "\n  ".join(missed), file=sys.stderr)
    return 1 if failed or (missed and not arguments.quick) else 0


def _measure(name: str, arguments: argparse.Namespace) -> int:
    found: list[Figure] = []

    def report(figure: Figure) -> None:
        found.append(figure)
        print(reporting.line(figure), flush=True)

    _module(name).measure(Bench(report, quick=arguments.quick, runs=1 if arguments.quick else arguments.runs))
    arguments.output.write_text(json.dumps([figure.as_json() for figure in found], ensure_ascii=False))
    return 0


def _module(name: str) -> Any:
    return importlib.import_module(f"tests.benchmarks.bench_{name}")


if __name__ == "__main__":
    sys.exit(main())
