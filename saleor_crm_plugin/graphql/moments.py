"""Moments that requests name: a time without an offset is in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from graphql import GraphQLError

# What reports and rules reckon back from a moment must be a date, too.
_EARLIEST: Final = datetime(1000, 1, 1, tzinfo=UTC)


def in_utc(given: Any) -> Any:
    """The same with all moments in it in UTC, however deep in mappings and lists they are.

    Raises:
        GraphQLError: a moment before the year 1000.
    """
    if isinstance(given, datetime):
        return _in_utc(given)
    if isinstance(given, Mapping):
        return {name: in_utc(value) for name, value in given.items()}
    return [in_utc(value) for value in given] if isinstance(given, list) else given


def _in_utc(moment: datetime) -> datetime:
    # Saleor's scalar takes no moment that is none in UTC.
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment < _EARLIEST:
        raise GraphQLError("A time must be within the years 1000 to 9999, in UTC.")
    return moment
