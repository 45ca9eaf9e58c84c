"""An empty database for the demo: one of its own on the embedded PostgreSQL, or the one that DATABASE_URL names."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import quote

import psycopg

from demo.client import StoryError
from tests.devshop import postgres

NAME: Final = "demo"


def prepare() -> None:
    """Make the database, and DATABASE_URL name it for this process and those that it starts.

    Raises:
        StoryError: the database is in use, or holds something that is not the demo's to delete.
    """
    if os.environ.get("DATABASE_URL"):
        _check_that_it_is_empty(os.environ["DATABASE_URL"])
        return
    server = postgres.start()
    host, user = quote(server["host"], safe=""), quote(server["user"])
    port = f":{server['port']}" if server["port"] else ""
    url = f"postgres://{user}@{host}{port}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        try:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME}")
        except psycopg.errors.ObjectInUse:
            raise StoryError("A demo is running already on this folder's database. Stop it first (Ctrl-C).") from None
        connection.execute(f"CREATE DATABASE {NAME}")
    os.environ["DATABASE_URL"] = f"{url}/{NAME}"


def _check_that_it_is_empty(url: str) -> None:
    try:
        with psycopg.connect(url) as connection:
            tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    except psycopg.OperationalError as error:
        raise StoryError(
            f"The database that DATABASE_URL names cannot be reached: {error}. Mend it, or unset DATABASE_URL to use "
            "the embedded PostgreSQL."
        ) from error
    if tables is None or tables[0]:
        raise StoryError(
            "The database that DATABASE_URL names is not empty, and the demo wants one for itself. Name an empty one, "
            "or unset DATABASE_URL to use the embedded PostgreSQL."
        )
