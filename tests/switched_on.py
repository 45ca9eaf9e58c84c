"""Both plugins switched on in Saleor's own tests, and points earned in every channel: `pytest -p tests.switched_on`.

Saleor's tests name the plugins that they need; what calls ours are all those that name none but the dummy gateway.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

PLUGINS = ("saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin")


@pytest.fixture(autouse=True)
def switched_on(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from saleor_crm_plugin.config import LoyaltySettings

    # It sets the list, and has another name in each version.
    for name in request.fixturenames:
        if name.startswith("setup_dummy_gateway"):
            request.getfixturevalue(name)
    settings.PLUGINS = [*settings.PLUGINS, *PLUGINS]
    earning = LoyaltySettings(
        points_per_unit=Decimal(10), earn_from=datetime(2000, 1, 1, tzinfo=UTC), point_value=Decimal("0.01")
    )
    monkeypatch.setattr("saleor_crm_plugin.ingestion.settings.NOTHING_EARNED", earning)
