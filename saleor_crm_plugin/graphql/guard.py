"""What a query gets while our tables are missing: its other fields, and one clear sentence in place of ours."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, NoReturn

from django.db import DatabaseError, DataError
from graphql import GraphQLError
from promise import Promise, is_thenable

from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.ingestion.tasks import our_tables_are_missing

logger = logging.getLogger(__name__)

MIGRATE = "The tables of saleor_crm_plugin are missing or old: run `manage.py migrate saleor_crm_plugin`."
UNSTORABLE = "A text has a character that no text can hold: NUL, or half of a surrogate pair."
# What the database, and its driver, say about what it cannot do.
FAULTS = (DatabaseError, UnicodeEncodeError)


def guarded(resolver: Callable[..., Any]) -> Callable[..., Any]:
    """A resolver that says what is wrong: `migrate` was forgotten, a text cannot be looked up. Other errors pass."""

    @functools.wraps(resolver)
    def guarded_resolver(*args: Any, **kwargs: Any) -> Any:
        try:
            result = resolver(*args, **kwargs)
        except FAULTS as error:
            raise_explained(error)
        return Promise.resolve(result).catch(_reject) if is_thenable(result) else result

    return guarded_resolver


def _reject(error: Exception) -> None:
    raise explained(error) if isinstance(error, FAULTS) else error


def raise_explained(error: Exception) -> NoReturn:
    """Raise it, or what explains it."""
    explanation = explained(error)
    if explanation is error:
        # Not "from error": Saleor follows causes to their end, and an error that is its own cause has none.
        raise error
    raise explanation from error


def explained(error: Exception) -> Exception:
    """The error itself, or one that says what to do, where we know."""
    if isinstance(error, UnicodeEncodeError) or (isinstance(error, DataError) and "NUL (0x00)" in str(error)):
        return GraphQLError(UNSTORABLE)
    if not (isinstance(error, DatabaseError) and our_tables_are_missing(error)):
        return error
    log_once(logger, "migrate", MIGRATE)
    return GraphQLError(MIGRATE)
