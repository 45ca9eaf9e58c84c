"""Plugin settings as an admin would have saved them."""

from __future__ import annotations

from typing import Any

from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.config import CRM_PLUGIN_ID, LOYALTY_PLUGIN_ID


def loyalty_settings(channel: Any, *, active: bool = True, **values: Any) -> None:
    """Store settings of `crm.loyalty` for a channel, by field name; what is not named is as if never set."""
    _save(LOYALTY_PLUGIN_ID, channel, active, values)


def crm_settings(*, active: bool = True, **values: Any) -> None:
    """Store settings of `crm`."""
    _save(CRM_PLUGIN_ID, None, active, values)


def _save(identifier: str, channel: Any, active: bool, values: dict[str, Any]) -> None:
    PluginConfiguration.objects.update_or_create(
        identifier=identifier,
        channel=channel,
        defaults={
            "name": identifier,
            "active": active,
            "configuration": [{"name": name, "value": value} for name, value in values.items()],
        },
    )
