import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)
writer = settings.DATABASE_CONNECTION_DEFAULT_NAME
replica = settings.DATABASE_CONNECTION_REPLICA_NAME

UNSAFE_WRITER_ACCESS_MSG = "A query reached the writer without allow_writer(); read the replica, or allow it."


class UnsafeWriterAccessError(Exception):
    pass


@contextmanager
def allow_writer() -> Iterator[None]:
    """Allow queries on the writer inside the block. Blocks nest; the outermost one closes the gate."""
    connection = connections[writer]
    allowed_before = getattr(connection, "_allow_writer", False)
    connection._allow_writer = True
    try:
        yield
    finally:
        connection._allow_writer = allowed_before


@contextmanager
def allow_writer_in_context(context: Any) -> Iterator[None]:
    """Allow the writer if the request already works on it (a mutation), and not otherwise."""
    from ...graphql.core.context import get_database_connection_name

    if get_database_connection_name(context) == writer:
        with allow_writer():
            yield
    else:
        yield


def restrict_writer(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
    if _reaches_writer_unasked(context):
        raise UnsafeWriterAccessError(f"{UNSAFE_WRITER_ACCESS_MSG} SQL: {sql}")
    return execute(sql, params, many, context)


def log_writer_usage(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
    if _reaches_writer_unasked(context):
        logger.warning("%s SQL: %s", UNSAFE_WRITER_ACCESS_MSG, sql)
    return execute(sql, params, many, context)


def _reaches_writer_unasked(context: dict) -> bool:
    connection = context["connection"]
    return connection.alias == writer and not getattr(connection, "_allow_writer", False)


def restrict_writer_middleware(get_response: Callable) -> Callable:
    def middleware(request: Any) -> Any:
        with connections[writer].execute_wrapper(restrict_writer):
            return get_response(request)

    return middleware
