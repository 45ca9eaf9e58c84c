"""Purchases of the CDNOW data set: those who first bought at that shop in the first quarter of 1997, until June 1998.

The files are those of the registry package `lifetimes` (test dependency); its own loader does not work on current
versions of pandas, and nothing is imported from it here. Spending is in dollars; a day's purchases are one.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from saleor_crm_plugin.profiles.clv.learning.histories import Floats, Histories, Integers, histories

# The half of the 78 weeks that Fader, Hardie & Lee (2005) fit on.
CALIBRATION_ENDS = date(1997, 9, 30)
ENDS = date(1998, 6, 30)
HOLDOUT_DAYS = (ENDS - CALIBRATION_ENDS).days

MISSING = "CDNOW is in the package `lifetimes`: pip install lifetimes."


@dataclass(frozen=True)
class CDNOW:
    """
    Attributes:
        calibration: each customer's history until the end of September 1997.
        later: purchases of each customer after that.
        values: mean value of a customer's repeat purchases until then, 0 without.
    """

    calibration: Histories
    later: Integers
    values: Floats


def is_installed() -> bool:
    return importlib.util.find_spec("lifetimes") is not None


def file(name: str) -> Path:
    found = importlib.util.find_spec("lifetimes")
    if found is None or found.origin is None:
        raise FileNotFoundError(MISSING)
    return Path(found.origin).parent / "datasets" / name


def purchases() -> list[tuple[int, date, float]]:
    """(customer, day, dollars) of the tenth of the customers that the papers use, in the order of the file."""
    found = []
    for line in file("CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, dollars = line.split()
        found.append((int(customer), date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}"), float(dollars)))
    return found


def read() -> CDNOW:
    spent: dict[int, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for customer, day, dollars in purchases():
        spent[customer][day] += dollars
    repeats, recency, age, later, values = [], [], [], [], []
    for _, days in sorted(spent.items()):
        known = sorted(day for day in days if day <= CALIBRATION_ENDS)
        repeats.append(len(known) - 1)
        recency.append((known[-1] - known[0]).days)
        age.append((CALIBRATION_ENDS - known[0]).days)
        later.append(len(days) - len(known))
        values.append(float(np.mean([days[day] for day in known[1:]])) if known[1:] else 0.0)
    return CDNOW(histories(repeats, recency, age), np.array(later), np.array(values))
