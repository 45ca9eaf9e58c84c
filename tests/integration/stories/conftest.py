"""The plugin is at work in every story."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def crm(settings):
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]
