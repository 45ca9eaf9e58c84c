"""What a query gets while our tables are missing: its other fields, and one clear sentence in place of ours."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from graphql import GraphQLError
from promise import Promise, is_thenable

from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.ingestion.tasks import our_tables_are_missing

logger = logging.getLogger(__name__)

MIGRATE = "The tables of saleor_crm_plugin are missing or old: run `manage.py migrate saleor_crm_plugin`."


def guarded(resolver: Callable[..., Any]) -> Callable[..., Any]:
    """A resolver that says what to do when `migrate` was forgotten. Other errors pass."""

    @functools.wraps(resolver)
    def guarded_resolver(*args: Any, **kwargs: Any) -> Any:
        try:
            result = resolver(*args, **kwargs)
        except DatabaseError as error:
            raise explained(error) from error
        return Promise.resolve(result).catch(_reject) if is_thenable(result) else result

    return guarded_resolver


def _reject(error: Exception) -> None:
    raise explained(error) if isinstance(error, DatabaseError) else error


def explained(error: DatabaseError) -> Exception:
    """The error itself, or one that says to migrate where that is what is wrong."""
    if not our_tables_are_missing(error):
        return error
    log_once(logger, "migrate", MIGRATE)
    return GraphQLError(MIGRATE)
