"""Lists that are not connections, and connections whose pages come from dataloaders."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from graphene.relay import PageInfo
from graphql import GraphQLError

from saleor_crm_plugin.graphql.ids import primary_key

# The most that one list or page holds, as in Saleor's own connections (GRAPHQL_PAGINATION_LIMIT).
FIRST_LIMIT = 100
DEFAULT_FIRST = 10


def checked_first(first: int | None) -> int:
    """How many to give; `DEFAULT_FIRST` for an explicit null.

    Raises:
        GraphQLError: not between 1 and `FIRST_LIMIT`.
    """
    first = DEFAULT_FIRST if first is None else first
    if not 1 <= first <= FIRST_LIMIT:
        raise GraphQLError(f"Argument `first` must be between 1 and {FIRST_LIMIT}.")
    return first


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows that are ordered by falling primary key, or by whatever its cursors say.

    Attributes:
        size: rows wanted.
        backwards: the page is counted from the end (`last`, `before`).
        cursor: place next to the page, None at the beginning or end.
    """

    size: int
    backwards: bool = False
    cursor: Any = None

    @classmethod
    def from_arguments(cls, field: str, arguments: dict[str, Any], decode: Callable[[str], Any] | None = None) -> Page:
        """
        Args:
            decode: reads a cursor, and raises `ValueError` for one that is not of the list; without it, a primary key.

        Raises:
            GraphQLError: arguments that contradict each other or are out of range.
        """
        first: int | None = arguments.get("first")
        last: int | None = arguments.get("last")
        after, before = arguments.get("after"), arguments.get("before")
        if first is None and last is None:
            raise GraphQLError(f"`{field}` is read in pages: give `first` or `last`, at most {FIRST_LIMIT}.")
        if first is not None and last is not None:
            raise GraphQLError(f"Give `{field}` either `first` or `last`, not both.")
        if first is not None and before:
            raise GraphQLError(f"`{field}` pages forwards with `first` and `after`; `before` goes with `last`.")
        if last is not None and after:
            raise GraphQLError(f"`{field}` pages backwards with `last` and `before`; `after` goes with `first`.")
        name, size = ("last", last) if first is None else ("first", first)
        if size is None or not 1 <= size <= FIRST_LIMIT:
            raise GraphQLError(f"Argument `{name}` of the `{field}` connection must be between 1 and {FIRST_LIMIT}.")
        cursor = after or before
        return cls(size, backwards=name == "last", cursor=_decode(cursor, decode or primary_key) if cursor else None)


def connection_of(
    connection_type: Any,
    rows: list[Any],
    page: Page,
    total_count: Any,
    cursor_of: Callable[[Any], object] = attrgetter("pk"),
) -> Any:
    """A connection object.

    Args:
        rows: the page's rows in the order they were read, and one more if there are more.
        cursor_of: a row's place as the text that the page's `decode` reads.
        total_count: called without arguments when asked for; may return a promise.
    """
    more = len(rows) > page.size
    shown = rows[: page.size]
    if page.backwards:
        shown.reverse()
    edges = [connection_type.Edge(node=row, cursor=encode(cursor_of(row))) for row in shown]
    page_info = PageInfo(
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
        has_next_page=page.cursor is not None if page.backwards else more,
        has_previous_page=more if page.backwards else page.cursor is not None,
    )
    return connection_type(edges=edges, page_info=page_info, total_count=total_count)


def page_of(connection_type: Any, rows: QuerySet[Any], page: Page) -> Any:
    """A connection over rows by falling primary key. One SQL statement, and one more if the total is asked for."""
    found = rows.order_by("pk" if page.backwards else "-pk")
    if page.cursor is not None:
        found = found.filter(pk__gt=page.cursor) if page.backwards else found.filter(pk__lt=page.cursor)
    return connection_of(connection_type, list(found[: page.size + 1]), page, rows.count)


def rows_by_owner(rows: QuerySet[Any], owner: str, page: Page) -> dict[Any, list[Any]]:
    """The page of each owner's rows, with one row more if there are more. One SQL statement for any number of owners.

    Args:
        rows: rows of the owners that are asked for, by falling primary key.
        owner: name of the column that tells whose a row is.
    """
    if page.cursor is not None:
        rows = rows.filter(pk__gt=page.cursor) if page.backwards else rows.filter(pk__lt=page.cursor)
    order = "pk" if page.backwards else "-pk"
    place = Window(RowNumber(), partition_by=F(owner), order_by=order)
    found: dict[Any, list[Any]] = {}
    for row in rows.annotate(place=place).filter(place__lte=page.size + 1).order_by(order):
        found.setdefault(getattr(row, owner), []).append(row)
    return found


def encode(place: object) -> str:
    return b64encode(str(place).encode()).decode()


def _decode(cursor: str, decode: Callable[[str], Any]) -> Any:
    try:
        return decode(b64decode(cursor, validate=True).decode())
    except (Base64Error, ValueError) as error:
        raise GraphQLError("The cursor is not one of this list. Take it from `pageInfo` or an edge.") from error
