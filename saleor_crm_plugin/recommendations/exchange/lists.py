"""Lists that another engine has made: neighbours of products, and what customers may want.

Both files are sorted by whose list a row is of, so that lists are read one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from saleor_crm_plugin.recommendations.exchange.known import KnownIds, Unknown
from saleor_crm_plugin.recommendations.exchange.tables import NUMBER, TEXT, WHOLE, Place, Table
from saleor_crm_plugin.recommendations.learning.stored import RelatedList

NEIGHBOURS: Final = "product_neighbours.parquet"
PERSONAL: Final = "personal.parquet"
NEIGHBOUR_COLUMNS: Final = {"product": WHOLE, "related": WHOLE, "score": NUMBER, "confidence": NUMBER, "kind": TEXT}
PERSONAL_COLUMNS: Final = {"customer": WHOLE, "product": WHOLE, "score": NUMBER, "rank": WHOLE}

BOUGHT_TOGETHER: Final = "bought_together"
SIMILAR: Final = "similar"
KINDS: Final = (BOUGHT_TOGETHER, SIMILAR)

# Our own lists have 50 and 150 products, and 100 is the most that one answer gives.
LONGEST_RELATED = 100
LONGEST_PERSONAL = 200


class RankedList(NamedTuple):
    """What a customer may want, best first."""

    customer_id: int
    product_ids: list[int]
    scores: list[float]


class _Row(NamedTuple):
    place: Place
    row: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Neighbours that have been checked. `kinds`: those of which there are any."""

    table: Table
    kinds: frozenset[str]
    _products: KnownIds

    def of_kind(self, kind: str) -> Iterator[RelatedList]:
        """The lists of one kind, best first, of products that the shop knows."""
        for owner, rows in _grouped(self.table, "product", LONGEST_RELATED * len(KINDS)):
            related = _related(owner, rows, kind, self._products)
            if related is not None:
                yield related


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """Customers' lists that have been checked. `customer_count`: customers who have one."""

    table: Table
    customer_count: int
    _customers: KnownIds
    _products: KnownIds

    def lists(self) -> Iterator[RankedList]:
        """The lists of customers that the shop knows, best first, with products that it knows."""
        for owner, rows in _grouped(self.table, "customer", LONGEST_PERSONAL):
            if not self._customers.has(np.array([owner]))[0]:
                continue
            ranked = sorted(rows, key=lambda row: row.values[2])
            known = self._products.has(np.array([row.values[0] for row in ranked])).tolist()
            kept = [row for row, is_known in zip(ranked, known, strict=True) if is_known]
            if kept:
                yield RankedList(owner, [row.values[0] for row in kept], [row.values[1] for row in kept])


def open_neighbours(directory: Path, rows: dict[str, int], products: KnownIds) -> Neighbours | None:
    """The neighbours in a directory, all of them checked; None where there are none.

    Raises:
        ExchangeError: they cannot be used.
    """
    if NEIGHBOURS not in rows:
        return None
    table = Table(directory / NEIGHBOURS, NEIGHBOUR_COLUMNS, rows[NEIGHBOURS], optional=frozenset({"kind"}))
    _check_ids(table, {"product": products, "related": products})
    kinds: set[str] = set()
    for owner, group in _grouped(table, "product", LONGEST_RELATED * len(KINDS)):
        seen: set[tuple[str, int]] = set()
        lengths = dict.fromkeys(KINDS, 0)
        for place, row, (related, _score, confidence, *rest) in group:
            kind = rest[0] if rest else BOUGHT_TOGETHER
            if kind not in KINDS:
                raise place.error(f"{kind!r} is none of {', '.join(KINDS)}.", row, "kind")
            if related == owner:
                raise place.error(f"Product {owner} stands in its own list.", row, "related")
            if (kind, related) in seen:
                raise place.error(f"Product {related} stands twice in the list of {owner}.", row, "related")
            if not 0 <= confidence <= 1:
                raise place.error(f"{confidence} is no share: 0 to 1.", row, "confidence")
            seen.add((kind, related))
            lengths[kind] += 1
            if lengths[kind] > LONGEST_RELATED:
                raise place.error(f"The list of {owner} has more than {LONGEST_RELATED} products.", row, "product")
        kinds |= {kind for kind, _ in seen}
    return Neighbours(table, frozenset(kinds), products)


def open_personal(
    directory: Path, rows: dict[str, int], customers: KnownIds, products: KnownIds
) -> PersonalTable | None:
    """The customers' lists in a directory, all of them checked; None where there are none.

    Raises:
        ExchangeError: they cannot be used.
    """
    if PERSONAL not in rows:
        return None
    table = Table(directory / PERSONAL, PERSONAL_COLUMNS, rows[PERSONAL])
    _check_ids(table, {"customer": customers, "product": products})
    count = 0
    for owner, group in _grouped(table, "customer", LONGEST_PERSONAL):
        seen: set[int] = set()
        ranks: set[int] = set()
        for place, row, (product, _score, rank) in group:
            if product in seen:
                raise place.error(f"Product {product} stands twice in the list of customer {owner}.", row, "product")
            if rank < 1:
                raise place.error(f"{rank} is no rank: the best product has 1.", row, "rank")
            if rank in ranks:
                raise place.error(f"Two products of customer {owner} have rank {rank}.", row, "rank")
            seen.add(product)
            ranks.add(rank)
        count += 1
    return PersonalTable(table, count, customers, products)


def _related(owner: int, rows: list[_Row], kind: str, products: KnownIds) -> RelatedList | None:
    wanted = [row.values for row in rows if (row.values[3] if len(row.values) > 3 else BOUGHT_TOGETHER) == kind]
    if not wanted or not products.has(np.array([owner]))[0]:
        return None
    known = products.has(np.array([values[0] for values in wanted])).tolist()
    kept = [values for values, is_known in zip(wanted, known, strict=True) if is_known]
    if not kept:
        return None
    kept.sort(key=lambda values: (-values[1], values[0]))
    ids, scores, confidences = ([values[place] for values in kept] for place in range(3))
    return RelatedList(owner, ids, scores, confidences)


def _check_ids(table: Table, columns: dict[str, KnownIds]) -> None:
    unknown = {name: Unknown(known, name) for name, known in columns.items()}
    for place, values in table.batches():
        for name, of_column in unknown.items():
            of_column.kept(values[name], place)
    for of_column in unknown.values():
        of_column.judge()


def _grouped(table: Table, owner: str, longest: int) -> Iterator[tuple[int, list[_Row]]]:
    """Rows of one owner after the other.

    Raises:
        ExchangeError: the table is not sorted by owner, or a list is too long.
    """
    others = [name for name in table.columns if name != owner]
    present: int | None = None
    rows: list[_Row] = []
    for place, values in table.batches():
        columns = [values[name] if isinstance(values[name], list) else values[name].tolist() for name in others]
        for row, (key, *rest) in enumerate(zip(values[owner].tolist(), *columns, strict=True)):
            if key != present:
                if present is not None:
                    yield present, rows
                    if key < present:
                        raise place.error(
                            f"The rows must be sorted by {owner}: {key} comes after {present}.", row, owner
                        )
                present, rows = key, []
            if len(rows) == longest:
                raise place.error(f"The list of {key} has more than {longest} rows.", row, owner)
            rows.append(_Row(place, row, tuple(rest)))
    if present is not None:
        yield present, rows
