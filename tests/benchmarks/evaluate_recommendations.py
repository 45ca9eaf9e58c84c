"""How good recommendations are on "Complete Journey", beside every known method, on the same questions.

    python -m tests.benchmarks.evaluate_recommendations                       # everything: ours 5 minutes, the rest 30
    python -m tests.benchmarks.evaluate_recommendations --only ours           # `crm_evaluate` on the same data
    python -m tests.benchmarks.evaluate_recommendations --only explore        # the known methods for one question
    python -m tests.benchmarks.evaluate_recommendations --json FILE           # with all intervals and parameters
    python -m tests.benchmarks.evaluate_recommendations --write-csv FILE      # for `manage.py crm_evaluate --csv FILE`

Without fuel; learnt from what was bought before December, products with five lines or more; asked about December. Known
methods are tuned on November: learnt from what was bought before it, asked about it. BM25, ALS and BPR are those of the
package `implicit` (`pip install implicit`); where it is missing, the rest runs on.

Each method runs in a process of its own, forked from one that holds the data and the questions; its peak memory
includes those. The seconds to fit and to answer are of the clock, so that other work on the machine counts (the load
average stands above); those of the processor are of both together.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases
from saleor_crm_plugin.recommendations.evaluation.report import MODEL, Answers, evaluated
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.progress import no_progress
from tests.benchmarks import complete_journey
from tests.benchmarks.known_methods.asking import MEASURES, Asked, answered, tuned
from tests.benchmarks.known_methods.scoring import NotInstalled
from tests.benchmarks.known_methods.table import METHODS, Method

SPLIT, UNTIL = "2017-12-01", "2018-01-02"
TUNED_SPLIT, TUNED_UNTIL = "2017-11-01", "2017-12-01"
FEWEST_LINES = 5
OURS = "ours"
TITLES = {
    "next_basket": "next basket of each customer",
    "explore": "never bought before by the customer",
    "cart": "one product of each basket hidden",
    "cart_by_category": "the same by product type",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[OURS, *METHODS], default=[OURS, *METHODS], metavar="QUESTION")
    parser.add_argument("--method", help="only methods with this text in their name")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write-csv", type=Path, metavar="FILE", help="write the data there, and evaluate nothing")
    arguments = parser.parse_args()
    if arguments.write_csv is not None:
        print(f"{complete_journey.write_csv(arguments.write_csv, fuel=False):,} lines")
        return 0
    purchases = complete_journey.numbered(complete_journey.read(fuel=False))
    print(f"{len(purchases):,} lines, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}", flush=True)
    report: dict[str, Any] = {"load_before": os.getloadavg()}
    ours: Answers = {}
    if OURS in arguments.only:
        found = _in_its_own_process(lambda: _ours(purchases))
        ours, report[OURS] = found.pop("answers"), found
        for question in METHODS:
            _show_ours(report[OURS], question)
    if find_spec("implicit") is None:
        print("not installed: implicit")
    asked = [name for name in METHODS if name in arguments.only]
    report["known"] = {question: {} for question in asked}
    for question, method, result in known(purchases, asked, arguments.method or "", ours):
        report["known"][question][method] = result
        print(f"  {question}: {_line(method, question, result)}", flush=True)
        _keep(report, arguments.json)
    report["load_after"] = os.getloadavg()
    for question in METHODS:
        show(report, question)
    _keep(report, arguments.json)
    return 0


def _keep(report: Mapping[str, Any], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(report, indent=2) + "\n")


def known(
    purchases: Purchases, questions: list[str], wanted: str, ours: Answers
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Question, method, and what it was worth and what it took; beside our answers, where given."""
    for by_category in (False, True):
        asked_here = [name for name in questions if (name == "cart_by_category") is by_category]
        if not asked_here:
            continue
        bought = purchases.by_category() if by_category else purchases
        november, december = (
            Asked.about(bought.split(complete_journey.day(at), complete_journey.day(until), FEWEST_LINES))
            for at, until in ((TUNED_SPLIT, TUNED_UNTIL), (SPLIT, UNTIL))
        )
        for question in asked_here:
            for method in METHODS[question]:
                if wanted not in method.name:
                    continue
                result = _one(november, december, question, method)
                if result is None:
                    continue
                answers = result.pop("answers")
                result["ours_ahead"] = {
                    measure: difference._asdict()
                    for measure, answer in ours.get(question, {}).items()
                    if measure in answers and (difference := answer.ahead_of(answers[measure])) is not None
                }
                yield question, method.name, result


def _one(november: Asked, december: Asked, question: str, method: Method) -> dict[str, Any] | None:
    try:
        chosen = _in_its_own_process(lambda: {"chosen": tuned(november, question, method)})["chosen"]
        return _in_its_own_process(lambda: _worth(december, question, method, chosen)) | {"chosen": chosen}
    except NotInstalled:
        return None


def _worth(asked: Asked, question: str, method: Method, chosen: Mapping[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    scores = method.fit(asked.past, **chosen)
    fitted = time.perf_counter()
    answer = answered(asked, question, scores)
    return {
        "measures": {name: value._asdict() for name, of in answer.items() if (value := of.estimate()) is not None},
        "answers": answer,
        "fit_seconds": round(fitted - began, 2),
        "answer_seconds": round(time.perf_counter() - fitted, 2),
    }


def _ours(purchases: Purchases) -> dict[str, Any]:
    at, until = map(complete_journey.day, (SPLIT, UNTIL))
    found = evaluated(purchases, at, until, Parameters(), FEWEST_LINES, no_progress)
    return found.report() | {"answers": found.answers[MODEL]}


def _in_its_own_process(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Forked: the data is there already."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def run() -> None:
        began = time.process_time()
        try:
            sending.send(part() | {"cpu_seconds": round(time.process_time() - began, 1), "peak_mb": _peak_mb()})
        except NotInstalled as error:
            sending.send(error)

    process = context.Process(target=run)
    process.start()
    sending.close()
    try:
        result = receiving.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"The process of a method ended with exit code {process.exitcode}.") from None
    process.join()
    if isinstance(result, NotInstalled):
        raise result
    return dict(result)


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def show(report: Mapping[str, Any], question: str) -> None:
    """The table of one question."""
    methods = report["known"].get(question, {})
    print(f"\n{TITLES[question]}")
    for name, result in methods.items():
        print(_line(name, question, result))
    if OURS in report:
        _show_ours(report[OURS], question)


def _show_ours(ours: Mapping[str, Any], question: str) -> None:
    for name, answers in ours["models"].items():
        shown = "ours" if name == MODEL else f"{name} (plugin's)"
        if question in answers:
            seconds = f"{ours['seconds'][name]:>8.1f} s, all questions"
            print(f"{shown:<34}{_measures(answers[question], question)}{seconds}")


def _line(name: str, question: str, result: Mapping[str, Any]) -> str:
    chosen = ", ".join(f"{key} {value}" for key, value in result["chosen"].items())
    took = f"{result['fit_seconds']:>8.1f} + {result['answer_seconds']:.1f} s"
    took += f", {result['cpu_seconds']:.1f} of processor{result['peak_mb']:>8,} MB"
    ahead = result["ours_ahead"].get(MEASURES[question])
    beside = f"  ours {ahead['low']:+.4f} - {ahead['high']:+.4f}" if ahead else ""
    return f"{name:<34}{_measures(result['measures'], question)}{took}{beside}  {chosen}"


def _measures(measures: Mapping[str, Any], question: str) -> str:
    names = ("recall", "ndcg") if MEASURES[question] == "ndcg" else ("hit_rate",)
    found = (measures[name] for name in names)
    return "".join(f"{value['value']:>9.4f} ({value['low']:.4f} - {value['high']:.4f})" for value in found)


if __name__ == "__main__":
    sys.exit(main())
