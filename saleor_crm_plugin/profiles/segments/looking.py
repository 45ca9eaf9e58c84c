"""Looks a query up without storing anything: how many there are, and why one customer is or is not in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import OperationalError, connections, transaction
from django.utils import timezone

from saleor_crm_plugin.exceptions import CRMError
from saleor_crm_plugin.profiles.segments.fragments import Fragment, joined
from saleor_crm_plugin.profiles.segments.membership import CUSTOMERS, WORK_MEMORY
from saleor_crm_plugin.profiles.segments.understanding import Query

# Staff wait for it, and while it runs it takes a core from the shop. 100,000 customers take 0.2 to 2 seconds.
PREVIEW_TIMEOUT_SECONDS = 10
_QUERY_CANCELED = "57014"
_LIMITS = "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', %s, true)"


class PreviewTimeoutError(CRMError):
    """The query takes too long to be looked up while somebody waits."""

    def __init__(self) -> None:
        super().__init__(
            f"The preview took more than {PREVIEW_TIMEOUT_SECONDS} seconds and was stopped. Narrow the query, for "
            "example with `within:`; or save it as it is: a segment is computed in the background, without that limit."
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """How many customers a query finds, and the primary keys of the first of them."""

    count: int
    sample: list[int]


@dataclass(frozen=True, slots=True)
class Explained:
    """A condition of a query, about one customer.

    Attributes:
        text: as it is written.
        value: what the customer has there, as text; None if nothing.
        is_under_not: the query wants the opposite.
    """

    text: str
    value: str | None
    holds: bool
    is_under_not: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is in or not.

    Attributes:
        matches: the customer is as the query says, and may be in a segment at all.
        is_customer: they may: merged and erased profiles, and those who refuse profiling, may not.
    """

    matches: bool
    is_customer: bool
    conditions: list[Explained]


def preview(query: Query, sample_size: int, using: str, timeout_seconds: float = PREVIEW_TIMEOUT_SECONDS) -> Preview:
    """Count whom a query finds. One SQL statement.

    Raises:
        PreviewTimeoutError: it takes too long.
    """
    found = (
        f"WITH found AS MATERIALIZED (SELECT p.id FROM crm_customer_profile p WHERE {CUSTOMERS} AND (" + query.where()  # nosec B608  # our text; what staff wrote is a parameter
    )
    statement = found + Fragment(
        ")) SELECT (SELECT count(*) FROM found), ARRAY(SELECT id FROM found ORDER BY id LIMIT %s)", (sample_size,)
    )
    with _at_most(timeout_seconds, using), connections[using].cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        count, sample = cursor.fetchone()
    return Preview(count, sample)


def explain(query: Query, profile_id: int, using: str) -> Explanation | None:
    """Each condition of a query about one customer, in the order of the text; None if there is no such profile.

    One SQL statement.
    """
    conditions = query.conditions()
    columns = [Fragment(CUSTOMERS), query.where(), *(part for c in conditions for part in (c.holds, c.value))]
    statement = (
        "SELECT " + joined(", ", columns) + Fragment(" FROM crm_customer_profile p WHERE p.id = %s", (profile_id,))
    )
    with connections[using].cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        row = cursor.fetchone()
    if row is None:
        return None
    is_customer, matches, *rest = row
    explained = [
        Explained(condition.span.of(query.text), shown(value), holds, condition.is_under_not)
        for condition, holds, value in zip(conditions, rest[::2], rest[1::2], strict=True)
    ]
    return Explanation(is_customer and matches, is_customer, explained)


def shown(value: Any) -> str | None:
    """A value as people write it, the way queries do where they can."""
    match value:
        case None | []:
            return None
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(map(str, value))
        case Decimal():
            return f"{value:f}"
        case datetime():
            return timezone.localtime(value).date().isoformat()
        case date():
            return value.isoformat()
    return str(value)


@contextmanager
def _at_most(seconds: float, using: str) -> Iterator[None]:
    """A transaction whose statement is stopped after so long, and has memory to be quicker."""
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('work_mem')")
            before = cursor.fetchone()
            cursor.execute(_LIMITS, [str(int(seconds * 1000)), WORK_MEMORY])
            yield
            # There may be a transaction around this one, whose statements have their own limits.
            cursor.execute(_LIMITS, before)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _QUERY_CANCELED:
            raise PreviewTimeoutError from error
        raise
