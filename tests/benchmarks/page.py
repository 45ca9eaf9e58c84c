"""Puts what `make bench` found into docs/explanation/performance.md, a table for each benchmark that the page names.

    python -m tests.benchmarks.page [FILE]      # default: .bench/figures.json

A benchmark that was not run keeps its table. The page says where a table goes: <!-- bench NAME --> and <!-- end -->.
What `shop_on_off` found has the name that `--name` gave it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.__main__ import OUTPUT
from tests.benchmarks.figures import COLUMNS, Figure

PAGE = Path("docs/explanation/performance.md")
_PLACE = re.compile(r"(<!-- bench ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    found = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else OUTPUT).read_text())["benchmarks"]
    before = PAGE.read_text()
    if unplaced := found.keys() - {name for _, name, _ in _PLACE.findall(before)}:
        print(f"not on the page: {', '.join(sorted(unplaced))}", file=sys.stderr)

    def filled(place: re.Match[str]) -> str:
        begin, name, end = place.groups()
        return f"{begin}{_section(found[name])}{end}" if name in found else place.group()

    PAGE.write_text(_PLACE.sub(filled, before))
    return 1 if unplaced else 0


def _section(benchmark: dict[str, Any]) -> str:
    machine = benchmark["machine"]
    figures = [Figure.from_json(figure) for figure in benchmark["figures"]]
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(figure.cells() for figure in figures)]
    # Columns that say nothing here are left out.
    used = [number for number in range(len(COLUMNS)) if any(row[number] for row in rows[2:])]
    table = "".join(f"| {' | '.join(row[number] for number in used)} |\n" for row in rows)
    return f"{table}\n{machine['at'][:16].replace('T', ' ')} UTC, commit {machine['commit']}.\n"


if __name__ == "__main__":
    sys.exit(main())
