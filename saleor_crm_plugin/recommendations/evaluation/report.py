"""All questions to the model and to each baseline, on one split: as data, and as a table."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from saleor_crm_plugin.exceptions import EvaluationError
from saleor_crm_plugin.recommendations.evaluation.intervals import Estimate
from saleor_crm_plugin.recommendations.evaluation.metrics import TOP
from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases, Split
from saleor_crm_plugin.recommendations.evaluation.questions import Questions
from saleor_crm_plugin.recommendations.learning.baselines import BASELINES
from saleor_crm_plugin.recommendations.learning.interface import Model
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.progress import Progress

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


def evaluated(
    purchases: Purchases, at: float, until: float, parameters: Parameters, fewest_lines: int, progress: Progress
) -> dict[str, Any]:
    """Fit each model on the purchases before `at` and ask it about those until `until` (days since 1970).

    Returns:
        JSON-able: `data` (numbers of the split), `models` (name -> question -> measure -> {value, low, high, cases} or
        a number), `seconds` (name -> fit and answer), and what the model chose.
    """
    split = purchases.split(at, until, fewest_lines)
    questions = Questions(split)
    by_category = _by_category(purchases, at, until, fewest_lines)
    answers: dict[str, dict[str, Any]] = {}
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
    return {
        "report": REPORT_VERSION,
        "top": TOP,
        "data": {
            "lines": len(past),
            "baskets": past.baskets_count,
            "customers": len(past.customer_ids),
            "products": len(past.product_ids),
            "later_lines": len(split.later),
        },
        "models": {name: _as_json(answer) for name, answer in answers.items()},
        "chosen": chosen,
        "seconds": seconds,
    }


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """The report in lines of text, the intervals of the model below its figures."""
    shown = [
        (question, measure)
        for question, measure in COLUMNS
        if any(answers.get(question, {}).get(measure) is not None for answers in report["models"].values())
    ]
    yield f"{'':<20}" + "".join(f"{question.replace('_', ' '):>18}" for question, _ in shown)
    top = report["top"]
    titles = {"recall": f"recall@{top}", "ndcg": f"nDCG@{top}", "hit_rate": f"hit rate@{top}"}
    yield f"{'':<20}" + "".join(f"{titles.get(measure, measure):>18}" for _, measure in shown)
    for name, answers in report["models"].items():
        yield f"{name:<20}" + "".join(f"{_figure(answers, *column):>18}" for column in shown)
        if name == MODEL:
            yield f"{'  95 % interval':<20}" + "".join(f"{_interval(answers, *column):>18}" for column in shown)


def _figure(answers: Mapping[str, Any], question: str, measure: str) -> str:
    value = answers.get(question, {}).get(measure)
    if isinstance(value, Mapping):
        value = value["value"]
    return "" if value is None else f"{value:.4f}"


def _interval(answers: Mapping[str, Any], question: str, measure: str) -> str:
    value = answers.get(question, {}).get(measure)
    return f"{value['low']:.4f} - {value['high']:.4f}" if isinstance(value, Mapping) else ""


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


def _as_json(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        question: {
            measure: value._asdict() if isinstance(value, Estimate) else value for measure, value in measures.items()
        }
        for question, measures in answers.items()
    }
