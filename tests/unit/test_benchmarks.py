"""What `make bench` says, and that each benchmark can still be begun: nobody runs them with every change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks import page, reporting
from tests.benchmarks.__main__ import names
from tests.benchmarks.figures import Budget, Figure, Spread, duration
from tests.benchmarks.measuring import Bench, statements_of


def spread(*values: float) -> Spread:
    return Spread.of(values)


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas, which benchmarks compare with, is not in a shop.")
def test_each_benchmark_can_be_begun():
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--list"], capture_output=True, text=True, check=True
    )

    assert [line.split()[0] for line in said.stdout.splitlines()] == names()
    assert all(len(line.split()) > 3 for line in said.stdout.splitlines())


def test_each_benchmark_has_a_place_on_the_page():
    places = re.findall(r"<!-- bench ([^>]+) -->\n(?:.*?\n)??<!-- end -->", page.PAGE.read_text(), re.DOTALL)

    # What was measured in a real Saleor is named after it.
    assert sorted(place for place in places if not place.startswith("Saleor ")) == names()


def test_an_unknown_benchmark_is_refused():
    command = [sys.executable, "-m", "tests.benchmarks", "nothing"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert "there is no benchmark nothing" in refused.stderr


@pytest.mark.parametrize(
    ("budget", "missed"),
    [
        (Budget("ratio", 3), False),
        (Budget("ratio", 2.9), True),
        (Budget("seconds", 0.02), True),
        (Budget("p95", 0.05), False),
        (Budget("peak_mb", 499), True),
        (Budget("statements", 4), False),
        # What was not measured keeps no budget.
        (Budget("value", 1), True),
    ],
)
def test_budgets(budget, missed):
    figure = Figure(
        "a thing",
        seconds=spread(0.02, 0.03, 0.04),
        p95=0.05,
        theirs=spread(0.01),
        ratio=spread(2, 3, 4),
        peak_mb=500,
        statements=4,
        budgets=(budget,),
    )

    assert figure.missed() == ([budget] if missed else [])
    assert ("MISSED" in reporting.line(figure)) is missed


def test_a_figure_is_the_same_after_it_was_written():
    figure = Figure(
        "a thing",
        size=10,
        seconds=spread(1, 2, 3),
        beside="another",
        theirs=spread(1),
        ratio=spread(2),
        budgets=(Budget("ratio", 3), Budget("peak_mb", 500)),
        note="so",
    )

    assert Figure.from_json(json.loads(json.dumps(figure.as_json()))) == figure


def test_ours_and_the_other_in_turn():
    calls: list[str] = []
    found: list[Figure] = []
    bench = Bench(found.append, runs=3)

    bench.measure(
        "a thing",
        lambda: calls.append("ours"),
        lambda: calls.append("theirs"),
        before=lambda: calls.append("before"),
        count_statements=False,
    )

    measured = ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert calls[-12:] == [each for one in measured for each in ("before", one)]
    assert (found[0].seconds.runs, found[0].ratio.runs) == (3, 3)


def test_the_tail_of_several_calls():
    found: list[Figure] = []
    Bench(found.append, runs=2).measure("calls", [lambda: None] * 10, count_statements=False)

    assert found[0].p95 <= found[0].p99


@pytest.mark.django_db
def test_statements_are_counted():
    from saleor.channel.models import Channel

    assert statements_of(lambda: (Channel.objects.count(), Channel.objects.exists())) == 2


def test_a_run_of_some_leaves_the_figures_of_the_others(tmp_path):
    file = tmp_path / "new" / "figures.json"
    reporting.write(file, {"commit": "a"}, {"clv": [{"name": "one"}], "sync": [{"name": "two"}]})
    reporting.write(file, {"commit": "b"}, {"sync": [{"name": "three"}]})

    found = json.loads(file.read_text())["benchmarks"]
    assert found["clv"] == {"machine": {"commit": "a"}, "figures": [{"name": "one"}]}
    assert found["sync"] == {"machine": {"commit": "b"}, "figures": [{"name": "three"}]}


def test_the_page_gets_the_tables_that_were_measured(tmp_path, monkeypatch, capsys):
    file, to_fill = tmp_path / "figures.json", tmp_path / "page.md"
    to_fill.write_text("# Page\n<!-- bench clv -->\nold\n<!-- end -->\n<!-- bench sync -->\nkept\n<!-- end -->\n")
    machine = {"at": "2026-11-26T12:34:56+00:00", "commit": "abc"}
    reporting.write(file, machine, {"clv": [Figure("a fit", seconds=spread(0.0021)).as_json()], "other": []})
    monkeypatch.setattr(page, "PAGE", to_fill)
    monkeypatch.setattr(sys, "argv", ["page", str(file)])

    # One has no place.
    assert page.main() == 1

    assert capsys.readouterr().err == "not on the page: other\n"
    assert to_fill.read_text() == (
        "# Page\n<!-- bench clv -->\n| what | ours |\n| --- | --- |\n| a fit | 2.10 ms |\n\n"
        "2026-11-26 12:34 UTC, commit abc.\n<!-- end -->\n<!-- bench sync -->\nkept\n<!-- end -->\n"
    )


def test_what_the_machine_is():
    found = reporting.machine()

    assert found["processors"] >= 1
    assert found["packages"]["psycopg"]
    assert Path("/proc/cpuinfo").exists() == bool(found["processor"])


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (1, "1 more"), (1.0, "1.00 more"), (0.98765, "0.988 more"), (5_211_348, "5,211,348 more")],
)
def test_a_count_is_said_whole(value, said):
    assert Figure("a thing", value=value, unit="more" if value else "").cells()[1] == said


def test_a_duration_is_said_in_the_unit_that_suits_it():
    assert [duration(seconds) for seconds in (0.000_512, 0.0204, 1.05, 123.4)] == [
        "512 µs",
        "20.4 ms",
        "1.05 s",
        "123 s",
    ]
