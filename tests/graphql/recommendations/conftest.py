"""A trained model over the shop's three products: apples go with pears, plums are like pears, pears sell best."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.recommendations.shop import publish


@pytest.fixture
def model(shop: SimpleNamespace) -> Any:
    ann = CustomerProfile.objects.get(user=shop.ann).pk
    return publish(
        again={ann: [shop.pear]},
        new={ann: [(shop.plum, shop.pear)]},
        together={shop.apple: [shop.pear], shop.plum: [shop.pear]},
        similar={shop.pear: [shop.plum]},
        popular={shop.channel: [shop.pear, shop.apple]},
    )


def names(recommended: list[dict[str, Any]]) -> list[str]:
    return [item["product"]["name"] for item in recommended]
