"""How well a forecast would have done: fitted on what came before a day, compared with what came after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from saleor_crm_plugin.profiles.clv.learning.histories import Floats, Histories, Integers
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie

# The last third of the history at most, so that the fit sees twice as much as it has to foretell.
HOLDOUT_SHARE = 3


@dataclass(frozen=True, slots=True)
class Past:
    """What was known on the day of the split, and what then happened. All arrays are by customer.

    Attributes:
        histories: of those who had bought before it, until then.
        days: length of the hold-out.
        later: purchases in it.
        before: repeat purchases in as many days before the split: the naive forecast says "as before".
    """

    histories: Histories
    days: int
    later: Integers
    before: Integers


@dataclass(frozen=True, slots=True)
class Errors:
    """
    Attributes:
        mae, rmse: of the number of purchases of a customer.
        bias: sum of the forecasts by sum of the purchases; None if nobody bought anything.
        churn_auc: probability that of two customers, the one who bought nothing was given the higher probability of
            that; None if all did, or nobody.
    """

    mae: float
    rmse: float
    bias: float | None
    churn_auc: float | None


def holdout_days(history_days: int, forecast_days: int) -> int:
    """How many of the last days to hold out: as long as the forecast if the history is three times that."""
    return max(1, min(forecast_days, history_days // HOLDOUT_SHARE))


def naive_errors(past: Past) -> Errors:
    """Of the forecast "as before"; who bought least lately is called the likeliest to be gone."""
    return _errors(past, past.before.astype(np.float64), -past.before)


def errors_of(model: BuyTillYouDie, past: Past) -> Errors:
    """Of a model fitted to `past.histories`."""
    expected = model.expected_purchases(past.histories, past.days)
    return _errors(past, expected, model.probability_of_none(past.histories, past.days))


def _errors(past: Past, expected: Floats, churn: Any) -> Errors:
    wrong = expected - past.later
    bought = int(past.later.sum())
    return Errors(
        mae=float(abs(wrong).mean()),
        rmse=float(np.sqrt((wrong**2).mean())),
        bias=float(expected.sum()) / bought if bought else None,
        churn_auc=auc(churn, past.later == 0),
    )


def auc(scores: Any, positive: Any) -> float | None:
    """Area under the ROC curve, with ties counted half (Mann and Whitney); None without two classes."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    ranks = float(rankdata(scores)[positive].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
