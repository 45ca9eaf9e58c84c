"""A database of its own for a benchmark, beside those of the tests, gone when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def set_up_django(database: str | None = None) -> None:
    """Set Django up with the stand-in shop; `database`: an existing one to work in."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.devshop.settings")
    sys.path.append(os.path.join(os.path.dirname(__file__), "..", "devshop"))
    import django
    from django.conf import settings
    from django.db import connections

    django.setup()
    # As in a shop: with it, Django times every statement and keeps its text.
    settings.DEBUG = False
    if database is not None:
        for alias in connections:
            connections[alias].settings_dict["NAME"] = database


@contextmanager
def scratch_database(name: str) -> Iterator[Any]:
    """Django's connection to a new database with all tables."""
    set_up_django()
    from django.db import connection, connections

    connection.settings_dict["TEST"]["NAME"] = name
    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        # What reads from a replica reads this one.
        for alias in connections:
            connections[alias].settings_dict["NAME"] = name
        yield connection
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(old_name, verbosity=0)
