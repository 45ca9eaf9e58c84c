from __future__ import annotations

from typing import Any

import pytest

from tests.graphql.recommendations.conftest import model

__all__ = ["model"]


@pytest.fixture
def staff(staff_with: Any) -> Any:
    return staff_with("MANAGE_PRODUCTS")
