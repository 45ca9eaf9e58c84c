"""Which part of a timeline is asked for: arguments, and the cursors that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from graphql import GraphQLError
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseInputObjectType
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin.fields import BIGINT_MAX
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.moments import in_utc
from saleor_crm_plugin.graphql.profiles.timeline.enums import TimelineEventKindEnum
from saleor_crm_plugin.ingestion.timeline import SOURCES
from saleor_crm_plugin.profiles.timeline.reading import Entry, Position, Selection

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NAMES: Final = frozenset(source.name for source in SOURCES)


class TimelineFilterInput(BaseInputObjectType):
    kinds = NonNullList(TimelineEventKindEnum, description="Only events of these kinds. Left out: all.")
    since = DateTime(description="Only what happened at this moment or later.")
    until = DateTime(description="Only what happened before this moment.")

    class Meta:
        description = "Which events of a customer's timeline to give." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


def selection_of(given: Mapping[str, Any] | None, *, internal: bool) -> Selection:
    """
    Raises:
        GraphQLError: a range that ends before it begins, or a moment that cannot be looked up.
    """
    given = in_utc(given or {})
    kinds, since, until = given.get("kinds"), given.get("since"), given.get("until")
    if since is not None and until is not None and since > until:
        raise GraphQLError("In `filter`, `since` must not be later than `until`.")
    return Selection(internal, None if kinds is None else frozenset(kinds), since, until)


def cursor_of(entry: Entry) -> str:
    return f"{(entry.happened_at - _EPOCH) // _MICROSECOND}:{entry.source}:{entry.id}"


def position_of(cursor: str) -> Position:
    """
    Raises:
        ValueError: not a cursor of a timeline.
    """
    moment, source, primary_key = cursor.split(":")
    if source not in _NAMES or not 0 <= int(primary_key) <= BIGINT_MAX:
        raise ValueError
    try:
        return Position(_EPOCH + int(moment) * _MICROSECOND, source, int(primary_key))
    except OverflowError as error:
        raise ValueError from error
