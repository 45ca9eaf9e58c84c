"""Whether what was learnt may be published: not worse than the simple methods, nor than what is published now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from saleor_crm_plugin.recommendations.evaluation.intervals import Estimate, estimate
from saleor_crm_plugin.recommendations.learning.selection import Comparison

# The questions that a model is judged by, and the simple methods that it must not be worse than.
BASELINES: Final = {
    "next_basket": ("bestsellers", "frequency", "decayed frequency"),
    "explore": ("bestsellers", "cosine", "ease"),
}
# A model that is worth less than this share of what the published one was worth when it was trained has lost its data,
# not its touch: weeks differ by a few percent (Complete Journey, four weeks in a row: .215 to .232).
LEAST_SHARE_OF_PUBLISHED: Final = 0.75


def summary(comparison: Comparison, ranked: bool) -> dict[str, Any]:
    """JSON-able: question -> method -> {value, low, high, cases} of nDCG@10; `model` is the one that was chosen."""
    report: dict[str, Any] = {}
    for question, methods in (("next_basket", comparison.next), ("explore", comparison.new)):
        figures: dict[str, Any] = {}
        for name, values in methods.items():
            found = estimate(values)
            if found is not None:
                figures[name] = found._asdict()
        chosen = "ranker" if ranked else "simple"
        if chosen in figures:
            report[question] = {"model": figures[chosen], **figures}
    return report


def objections(comparison: Comparison, ranked: bool, published: Mapping[str, Any]) -> list[str]:
    """Why the model should not be published, in sentences; empty where nothing speaks against it, or nothing is known.

    Args:
        published: the summary of the published model, as of `summary`; empty where there is none.
    """
    found: list[str] = []
    for question, methods in (("next_basket", comparison.next), ("explore", comparison.new)):
        values = methods.get("ranker" if ranked else "simple")
        if values is None or not len(values):
            continue
        for baseline in BASELINES[question]:
            difference = estimate(values - methods[baseline])
            if difference is not None and difference.high < 0:
                found.append(
                    f"{_said(question)}: nDCG@10 of {np.mean(values):.4f} is below {np.mean(methods[baseline]):.4f} of "
                    f"{baseline} (difference {_interval(difference)})."
                )
        before = published.get(question, {}).get("model", {}).get("value")
        if before and values.mean() < LEAST_SHARE_OF_PUBLISHED * before:
            found.append(
                f"{_said(question)}: nDCG@10 fell from {before:.4f} to {values.mean():.4f}. Are orders missing?"
            )
    return found


def _said(question: str) -> str:
    return {"next_basket": "Next basket", "explore": "First purchases"}[question]


def _interval(difference: Estimate) -> str:
    return f"{difference.low:.4f} to {difference.high:.4f}"
