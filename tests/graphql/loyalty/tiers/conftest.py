from __future__ import annotations

import pytest


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_DISCOUNTS")
