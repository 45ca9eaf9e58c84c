"""What a query gets while our tables are missing: its other fields, and one clear sentence in place of ours."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from django.db import DatabaseError, DataError
from graphql import GraphQLError
from promise import Promise, is_thenable

from saleor_crm_plugin.confidential import shorten
from saleor_crm_plugin.graphql.moments import in_utc
from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.ingestion.tasks import our_tables_are_missing
from saleor_crm_plugin.texts import can_be_stored

logger = logging.getLogger(__name__)

MIGRATE = "The tables of saleor_crm_plugin are missing or old: run `manage.py migrate saleor_crm_plugin`."
UNSTORABLE = "A text has a character that no text can hold (NUL, or half a character)."

# The driver refuses half a character before the database sees it.
DATABASE_ERRORS: Final = (DatabaseError, UnicodeEncodeError)


def guarded(resolver: Callable[..., Any]) -> Callable[..., Any]:
    """A resolver that says what is wrong: `migrate` was forgotten, a text cannot be looked up. Other errors pass.

    Moments among its arguments are in UTC.
    """

    @functools.wraps(resolver)
    def guarded_resolver(*args: Any, **kwargs: Any) -> Any:
        try:
            result = resolver(*args, **in_utc(kwargs))
        except DATABASE_ERRORS as error:
            raise_explained(error, kwargs)
        return Promise.resolve(result).catch(_reject) if is_thenable(result) else result

    return guarded_resolver


def _reject(error: Exception) -> None:
    if isinstance(error, DATABASE_ERRORS):
        raise_explained(error, {})
    raise error


def raise_explained(error: DatabaseError | UnicodeEncodeError, arguments: Mapping[str, Any]) -> NoReturn:
    """Raise it, or what explains it."""
    explanation = explained(error, arguments)
    if explanation is error:
        # Saleor logs it.
        shorten(error)
        # Not "from error": Saleor follows causes to their end, and an error that is its own cause has none.
        raise error
    raise explanation from error


def explained(error: DatabaseError | UnicodeEncodeError, arguments: Mapping[str, Any] | None = None) -> Exception:
    """The error itself, or one that says what to do, where we know.

    Args:
        arguments: what was asked for; only with them is it known what the database means where it got a text in JSON.
    """
    if isinstance(error, UnicodeEncodeError):
        return GraphQLError(UNSTORABLE)
    if isinstance(error, DataError) and ("NUL (0x00)" in str(error) or _has_unstorable_text(arguments)):
        return GraphQLError(UNSTORABLE)
    if not our_tables_are_missing(error):
        return error
    log_once(logger, "migrate", MIGRATE)
    return GraphQLError(MIGRATE)


def _has_unstorable_text(value: Any) -> bool:
    if isinstance(value, str):
        return not can_be_stored(value)
    if isinstance(value, Mapping):
        return any(map(_has_unstorable_text, value.values()))
    return isinstance(value, list) and any(map(_has_unstorable_text, value))
