from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.devshop.factories import make_channel
from tests.integration.recommendations.tracking.visits import product_of


@pytest.fixture
def shop(db: None) -> SimpleNamespace:
    channel = make_channel()
    apple, pear, plum = (product_of(channel, name) for name in ("Apple", "Pear", "Plum"))
    return SimpleNamespace(channel=channel, apple=apple, pear=pear, plum=plum)
