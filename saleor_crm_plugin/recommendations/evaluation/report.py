"""All questions to the model and to each baseline, on one split: as data, and as a table."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from saleor_crm_plugin.exceptions import EvaluationError
from saleor_crm_plugin.recommendations.evaluation.intervals import PerCase
from saleor_crm_plugin.recommendations.evaluation.metrics import TOP
from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases, Split
from saleor_crm_plugin.recommendations.evaluation.questions import Questions
from saleor_crm_plugin.recommendations.learning.baselines import BASELINES
from saleor_crm_plugin.recommendations.learning.interface import Model
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.progress import Progress

# Question -> measure -> value.
Answers = dict[str, dict[str, Any]]

# Raised whenever a key of the report changes its meaning.
REPORT_VERSION: Final = 1
MODEL: Final = "recommender"
# What is printed: question and measure.
COLUMNS: Final = (
    ("next_basket", "recall"),
    ("next_basket", "ndcg"),
    ("repeat", "ndcg"),
    ("explore", "ndcg"),
    ("cart", "hit_rate"),
    ("cart_by_category", "hit_rate"),
    ("next_basket", "coverage"),
    ("next_basket", "novelty"),
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was asked about, and answered.

    Attributes:
        data: numbers of the split.
        answers: model -> question -> measure -> value.
        chosen: what our model chose.
        seconds: model -> fit and answer.
    """

    data: dict[str, int]
    answers: dict[str, Answers]
    chosen: dict[str, Any]
    seconds: dict[str, float]

    def report(self) -> dict[str, Any]:
        """JSON-able: `data`, `chosen` and `seconds`; `models` (name -> question -> measure -> {value, low, high,
        cases} or a number); `ahead` (question -> measure -> by how much our model is above the best of the others,
        `of`: {of, value, low, high, cases}).
        """
        return {
            "report": REPORT_VERSION,
            "top": TOP,
            "data": self.data,
            "models": {name: _as_json(answers) for name, answers in self.answers.items()},
            "ahead": _ahead(self.answers),
            "chosen": self.chosen,
            "seconds": self.seconds,
        }


def evaluated(
    purchases: Purchases, at: float, until: float, parameters: Parameters, fewest_lines: int, progress: Progress
) -> Evaluation:
    """Fit each model on the purchases before `at` and ask it about those until `until` (days since 1970)."""
    split = purchases.split(at, until, fewest_lines)
    questions = Questions(split)
    by_category = _by_category(purchases, at, until, fewest_lines)
    answers: dict[str, Answers] = {}
    seconds: dict[str, float] = {}
    chosen: dict[str, Any] = {}
    names = [MODEL, *(baseline.name for baseline in BASELINES)]
    for number, name in enumerate(names):
        progress(f"evaluating {name}", number, len(names))
        began = time.perf_counter()
        model = _fitted(name, split, parameters, progress)
        answers[name] = questions.answered_by(model)
        if by_category is not None:
            categories, asked = by_category
            answers[name]["cart_by_category"] = {
                "hit_rate": asked.hit_rate(_fitted(name, categories, parameters, progress))
            }
        seconds[name] = round(time.perf_counter() - began, 1)
        if isinstance(model, Recommender):
            chosen = {"parameters": _plain_parameters(model), "notes": model.selection.notes}
    progress("evaluating", len(names), len(names))
    past = split.past
    data = {
        "lines": len(past),
        "baskets": past.baskets_count,
        "customers": len(past.customer_ids),
        "products": len(past.product_ids),
        "later_lines": len(split.later),
    }
    return Evaluation(data, answers, chosen, seconds)


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """The report in lines of text, below our model its intervals, and by how much it is ahead."""
    shown = [
        (question, measure)
        for question, measure in COLUMNS
        if any(answers.get(question, {}).get(measure) is not None for answers in report["models"].values())
    ]
    yield _row("", (question.replace("_", " ") for question, _ in shown))
    top = report["top"]
    titles = {"recall": f"recall@{top}", "ndcg": f"nDCG@{top}", "hit_rate": f"hit rate@{top}"}
    yield _row("", (titles.get(measure, measure) for _, measure in shown))
    for name, answers in report["models"].items():
        yield _row(name, (_figure(answers, *column) for column in shown))
        if name == MODEL:
            yield _row("  95 % interval", (_interval(answers, *column) for column in shown))
            ahead = report["ahead"]
            yield _row("  above the best", (_interval(ahead, *column, sign="+") for column in shown))
            yield _row("    of the others", (_leader(ahead, *column) for column in shown))


def _row(title: str, cells: Iterable[str]) -> str:
    return f"{title:<20}" + "".join(f"{cell:>20}" for cell in cells)


def _figure(answers: Mapping[str, Any], question: str, measure: str) -> str:
    value = answers.get(question, {}).get(measure)
    if isinstance(value, Mapping):
        value = value["value"]
    return "" if value is None else f"{value:.4f}"


def _interval(answers: Mapping[str, Any], question: str, measure: str, sign: str = "") -> str:
    value = answers.get(question, {}).get(measure)
    return f"{value['low']:{sign}.4f} - {value['high']:{sign}.4f}" if isinstance(value, Mapping) else ""


def _leader(ahead: Mapping[str, Any], question: str, measure: str) -> str:
    return str(ahead.get(question, {}).get(measure, {}).get("of", ""))


def _ahead(answers: Mapping[str, Answers]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for question, measures in answers[MODEL].items():
        for measure, ours in measures.items():
            others = {name: of.get(question, {}).get(measure) for name, of in answers.items() if name != MODEL}
            comparable = {name: other for name, other in others.items() if isinstance(other, PerCase)}
            if not isinstance(ours, PerCase) or not len(ours.values) or not comparable:
                continue
            best = max(comparable, key=lambda name: float(comparable[name].values.mean()))
            difference = ours.ahead_of(comparable[best])
            if difference is not None:
                found.setdefault(question, {})[measure] = {"of": best, **difference._asdict()}
    return found


def _fitted(name: str, split: Split, parameters: Parameters, progress: Progress) -> Model:
    if name == MODEL:
        return Recommender.tuned(split.past, parameters, progress)
    (kind,) = (baseline for baseline in BASELINES if baseline.name == name)
    return kind.fit(split.past, parameters)


def _by_category(purchases: Purchases, at: float, until: float, fewest_lines: int) -> tuple[Split, Questions] | None:
    if not purchases.categories:
        return None
    try:
        split = purchases.by_category().split(at, until, fewest_lines)
    except EvaluationError:
        # Too few products have a category: the other questions are answered all the same.
        return None
    return split, Questions(split)


def _plain_parameters(model: Recommender) -> dict[str, Any]:
    return dataclasses.asdict(model.parameters)


def _as_json(answers: Answers) -> dict[str, dict[str, Any]]:
    return {
        question: {
            measure: _estimated(value) if isinstance(value, PerCase) else value for measure, value in measures.items()
        }
        for question, measures in answers.items()
    }


def _estimated(value: PerCase) -> dict[str, float] | None:
    found = value.estimate()
    return None if found is None else found._asdict()
