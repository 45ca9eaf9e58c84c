"""`sortBy`, and pages that are cut by it: the value of the last row and its id say where the next page begins.

Rows without a value come last in both directions, so a page never depends on how many of them there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.db.models import F, FilteredRelation, Max, OrderBy, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime
from graphql import GraphQLError

from saleor_crm_plugin.fields import can_be_compared
from saleor_crm_plugin.graphql.lists import Page
from saleor_crm_plugin.profiles.models import CustomerProfile

CURRENCY_LENGTH: Final = 3


class SortField(StrEnum):
    """By what customers are sorted; but for the first, the value is a column of `ProfileMetrics`."""

    CREATED_AT = "created_at"
    ORDERS_COUNT = "orders_count"
    LAST_ORDER_AT = "last_order_at"
    NET_SPENT = "net_spent"
    PREDICTED_CLV = "predicted_clv"


# An amount means nothing without one.
NEEDING_CURRENCY: Final = {SortField.NET_SPENT, SortField.PREDICTED_CLV}


class Place(NamedTuple):
    """Where a row stands: its value, None where it has none, and its id."""

    value: Any
    primary_key: int


@dataclass(frozen=True, slots=True)
class Sorting:
    field: SortField = SortField.CREATED_AT
    descending: bool = False
    currency: str | None = None

    @classmethod
    def from_argument(cls, sort_by: Mapping[str, Any] | None) -> Sorting:
        """
        Raises:
            GraphQLError: a currency is missing, makes no sense, or is none.
        """
        if not sort_by:
            return cls()
        field = SortField(sort_by["field"])
        currency = (sort_by.get("currency") or "").strip().upper() or None
        if field in NEEDING_CURRENCY and currency is None:
            raise GraphQLError(f"Sorting by {field.name} needs a `currency`.")
        if field is SortField.CREATED_AT and currency is not None:
            raise GraphQLError("Sorting by CREATED_AT takes no `currency`.")
        if currency is not None and len(currency) != CURRENCY_LENGTH:
            raise GraphQLError("A `currency` has three letters, like USD.")
        return cls(field, sort_by.get("direction") == "-", currency)

    def sorted(self, profiles: QuerySet[CustomerProfile], page: Page) -> QuerySet[CustomerProfile]:
        """The rows of the page and one more, each with its `sort_value`, from the end if the page is `backwards`."""
        rows = self._with_value(profiles)
        if page.cursor is not None:
            rows = rows.filter(self._beyond(page.cursor, backwards=page.backwards))
        falling = self.descending != page.backwards
        nulls = {"nulls_first": True} if page.backwards else {"nulls_last": True}
        return rows.order_by(
            OrderBy(F("sort_value"), descending=falling, **nulls), OrderBy(F("pk"), descending=falling)
        )[: page.size + 1]

    def cursor_of(self, row: Any) -> str:
        value = row.sort_value
        written = value.isoformat() if isinstance(value, datetime) else None if value is None else str(value)
        return json.dumps([self._name, written, row.pk])

    def place_of(self, cursor: str) -> Place:
        """
        Raises:
            GraphQLError: the cursor is not one of a list that is sorted like this.
        """
        try:
            name, written, primary_key = json.loads(cursor)
            value = None if written is None else _READ[self.field](written)
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise _foreign() from error
        if name != self._name or type(primary_key) is not int:
            raise _foreign()
        return Place(value, primary_key)

    @property
    def _name(self) -> str:
        return f"{self.field.value} {'desc' if self.descending else 'asc'} {self.currency or ''}".strip()

    def _with_value(self, profiles: QuerySet[CustomerProfile]) -> QuerySet[CustomerProfile]:
        if self.currency is not None:
            chosen = FilteredRelation("metrics", condition=Q(metrics__currency=self.currency))
            value: Any = F(f"chosen__{self.field}")
            return profiles.annotate(chosen=chosen).annotate(
                sort_value=Coalesce(value, 0) if self.field is SortField.ORDERS_COUNT else value
            )
        return profiles.annotate(sort_value=_IN_ALL_CURRENCIES[self.field]())

    def _beyond(self, place: Place, *, backwards: bool) -> Q:
        """The rows that come after the place, or, backwards, before it."""
        side = "lt" if self.descending != backwards else "gt"
        further = Q(**{f"pk__{side}": place.primary_key})
        if place.value is None:
            nothing = Q(sort_value__isnull=True) & further
            return nothing | Q(sort_value__isnull=False) if backwards else nothing
        condition = Q(**{f"sort_value__{side}": place.value}) | (Q(sort_value=place.value) & further)
        return condition if backwards else condition | Q(sort_value__isnull=True)


def _foreign() -> GraphQLError:
    return GraphQLError("The cursor is not one of this list, sorted like this. Take it from `pageInfo` or an edge.")


def _amount(written: Any) -> Decimal:
    amount = Decimal(written)
    if not can_be_compared(amount):
        raise ValueError(written)
    return amount


def _moment(written: Any) -> datetime:
    moment = parse_datetime(written)
    if moment is None or moment.tzinfo is None:
        raise ValueError(written)
    return moment


# Joined and grouped once, rather than a subquery for each customer and again for each comparison.
_IN_ALL_CURRENCIES: Final[Mapping[SortField, Callable[[], Any]]] = {
    SortField.CREATED_AT: lambda: F("created_at"),
    SortField.ORDERS_COUNT: lambda: Coalesce(Sum("metrics__orders_count"), 0),
    SortField.LAST_ORDER_AT: lambda: Max("metrics__last_order_at"),
}
_READ: Final[Mapping[SortField, Callable[[Any], Any]]] = {
    SortField.CREATED_AT: _moment,
    SortField.LAST_ORDER_AT: _moment,
    SortField.ORDERS_COUNT: int,
    SortField.NET_SPENT: _amount,
    SortField.PREDICTED_CLV: _amount,
}
