"""Purchases from a CSV file, whatever shop they are of."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from saleor_crm_plugin.exceptions import EvaluationError
from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases

REQUIRED: Final = ("customer", "basket", "time", "product")
OPTIONAL: Final = ("quantity", "price", "category")
# Beyond it the arrays would take more than 4 GB.
LINES_LIMIT: Final = 40_000_000
# Quantities and prices: sums of them stay finite in the learner's 32-bit numbers (below 3e38).
LARGEST_NUMBER: Final = 1e12
# Told to `progress` every so many lines.
PROGRESS_LINES: Final = 100_000
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY: Final = 86_400.0


class Read(NamedTuple):
    """What a file holds.

    Attributes:
        returned: lines left out because their quantity is not above 0 (returned goods).
        anonymous: baskets without a customer; each counts as a customer of its own.
    """

    purchases: Purchases
    returned: int
    anonymous: int


def read_csv(path: Path, progress: Callable[[str, int, int | None], None]) -> Read:
    """Read a file with a header line `customer,basket,time,product,quantity,price,category`, in any order.

    `quantity` (1 if left out), `price` (of one piece) and `category` may be missing, and further columns are ignored.
    Ids are any text. Times are ISO 8601; those without an offset are taken as UTC.

    Raises:
        EvaluationError: the file cannot be read, or a line is wrong; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _collected(file, path, progress)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path} cannot be read as CSV: {error}") from error


class _Numbers:
    """A number for each text, in the order in which they appear."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, text: str) -> int:
        return self._known.setdefault(text, len(self._known) + 1)


def _collected(file: Iterator[str], path: Path, progress: Callable[[str, int, int | None], None]) -> Read:
    rows = csv.reader(file)
    header = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise EvaluationError(
            f"{path}: the header line lacks {', '.join(missing)}; it has {', '.join(header) or 'nothing'}."
        )
    column = {name: header.index(name) for name in (*REQUIRED, *OPTIONAL) if name in header}
    customers, baskets, products, categories = _Numbers(), _Numbers(), _Numbers(), _Numbers()
    moments: dict[str, float] = {}
    lines: list[tuple[int, int, int, float, float, float]] = []
    of_product: dict[int, int] = {}
    returned, anonymous = 0, set()
    for row in rows:
        if not row:
            continue
        # Not the number of the row: a quoted field may hold line breaks.
        number = rows.line_num
        if len(row) < len(header):
            raise EvaluationError(f"{path}, line {number}: {len(row)} fields instead of {len(header)}.")
        if len(lines) >= LINES_LIMIT:
            raise EvaluationError(f"{path} has more than {LINES_LIMIT:,} lines.")
        text = {name: row[place].strip() for name, place in column.items()}
        try:
            day = (
                moments[text["time"]]
                if text["time"] in moments
                else moments.setdefault(text["time"], _day(text["time"]))
            )
            quantity = float(text.get("quantity") or 1)
            price = float(text.get("price") or 0)
        except ValueError as error:
            raise EvaluationError(f"{path}, line {number}: {error}.") from error
        if not (abs(quantity) <= LARGEST_NUMBER and abs(price) <= LARGEST_NUMBER):
            raise EvaluationError(
                f"{path}, line {number}: quantity and price must be numbers of at most {LARGEST_NUMBER:,.0f}."
            )
        if not text["basket"] or not text["product"]:
            raise EvaluationError(f"{path}, line {number}: basket and product must not be empty.")
        if quantity <= 0:
            returned += 1
            continue
        basket, product = baskets.of(text["basket"]), products.of(text["product"])
        if text["customer"]:
            customer = customers.of(text["customer"])
        else:
            customer = -basket
            anonymous.add(basket)
        lines.append((customer, basket, product, day, quantity, price))
        if text.get("category"):
            of_product[product] = categories.of(text["category"])
        if len(lines) % PROGRESS_LINES == 0:
            progress("reading", len(lines), None)
    if not lines:
        raise EvaluationError(f"{path} holds no purchases.")
    progress("reading", len(lines), len(lines))
    columns = list(zip(*lines, strict=True))
    integers = [np.asarray(values, dtype=np.int64) for values in columns[:3]]
    numbers = [np.asarray(values, dtype=np.float64) for values in columns[3:]]
    purchases = Purchases(
        customers=integers[0],
        baskets=integers[1],
        products=integers[2],
        channels=np.ones(len(lines), dtype=np.int64),
        days=numbers[0],
        quantities=numbers[1],
        prices=numbers[2],
        categories=of_product,
    )
    return Read(purchases, returned, len(anonymous))


def _day(text: str) -> float:
    """Days since 1970 of an ISO time."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time like 2026-01-31 or 2026-01-31T12:30:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return (moment - _EPOCH).total_seconds() / _DAY
