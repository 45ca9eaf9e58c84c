from __future__ import annotations

from typing import Any

import pytest

from tests.graphql.security.walking import Schema
from tests.graphql.security.world import World, make_world


@pytest.fixture
def world(db: None, settings: Any) -> World:
    # A selection of everything costs more than a shop lets one ask for at once.
    settings.GRAPHQL_QUERY_MAX_COMPLEXITY = 0
    return make_world()


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema()
