"""Pytest fixtures of the shop. A root conftest lists this module in `pytest_plugins`."""

from collections.abc import Iterator
from typing import Any

import django.test
import pytest
from django.conf import settings
from django.db import connections


class ReplicaOnWriter:
    """The replica in tests: the writer's connection under the replica's name.

    A second connection would not see what a test has not committed. Queries through this one count as the replica's, so
    that the guard on the writer lets them pass.
    """

    def __init__(self, replica: Any, writer: Any) -> None:
        self.__dict__.update(_replica=replica, _writer=writer)

    @property
    def alias(self) -> str:
        return self._replica.alias

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        return self._as_replica(self._writer.cursor, *args, **kwargs)

    def chunked_cursor(self, *args: Any, **kwargs: Any) -> Any:
        return self._as_replica(self._writer.chunked_cursor, *args, **kwargs)

    def _as_replica(self, make_cursor: Any, *args: Any, **kwargs: Any) -> Any:
        cursor = self._allowed(make_cursor, *args, **kwargs)
        cursor.db = self
        return cursor

    def savepoint(self) -> Any:
        return self._allowed(self._writer.savepoint)

    def savepoint_commit(self, sid: Any) -> None:
        self._allowed(self._writer.savepoint_commit, sid)

    def savepoint_rollback(self, sid: Any) -> None:
        self._allowed(self._writer.savepoint_rollback, sid)

    def _allowed(self, do: Any, *args: Any, **kwargs: Any) -> Any:
        from saleor.core.db.connection import allow_writer

        with allow_writer():
            return do(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Whether there is a transaction, and how it ends, is one thing under both names.
        setattr(self._writer, name, value)


def use_one_connection() -> None:
    writer = settings.DATABASE_CONNECTION_DEFAULT_NAME
    replica = settings.DATABASE_CONNECTION_REPLICA_NAME
    for test_case in (django.test.TransactionTestCase, django.test.TestCase):
        test_case.databases = {writer, replica}
    if not isinstance(connections[replica], ReplicaOnWriter):
        connections[replica] = ReplicaOnWriter(connections[replica], connections[writer])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test with a database may use both aliases, as in Saleor's own tests."""
    if any(item.get_closest_marker("django_db") for item in items):
        use_one_connection()
    for item in items:
        for marker in item.iter_markers("django_db"):
            marker.kwargs.setdefault("databases", list(settings.DATABASES))


@pytest.fixture
def channel(db: None) -> Any:
    from .factories import make_channel

    return make_channel()


@pytest.fixture
def customer(db: None) -> Any:
    from .factories import make_customer

    return make_customer("customer@example.com")


@pytest.fixture
def product(channel: Any) -> Any:
    from .factories import make_product

    return make_product("Apple", 10, channel)


@pytest.fixture
def recorded_hooks(settings: Any) -> Iterator[list[tuple[str, tuple, dict]]]:
    """Every hook that fires, as (name, arguments, keywords), through a plugin that only listens."""
    from . import listening_plugin

    settings.PLUGINS = [*settings.PLUGINS, listening_plugin.PATH]
    listening_plugin.heard.clear()
    yield listening_plugin.heard
    listening_plugin.heard.clear()


@pytest.fixture
def graphql_client(db: None) -> Any:
    """A client that posts as nobody, or as the `user`, `token` or `app` of a call."""
    from .client import GraphQLClient
    from .factories import make_site

    make_site()
    return GraphQLClient()
