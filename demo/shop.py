"""The demo's shop without its purchases: a channel that gives points, staff, and a place where goods come from."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.plugins.manager import get_plugins_manager
from saleor.warehouse.models import Warehouse

from saleor_crm_plugin.config import LOYALTY_PLUGIN_ID
from tests.devshop.factories import make_channel, make_superuser, make_warehouse
from tests.devshop.samples import CHANNEL, STAFF_EMAIL, STAFF_PASSWORD

# As an admin fills in the plugin's page in the Dashboard.
LOYALTY_SETTINGS: Final = {"points_per_unit": "1", "point_value": "0.01", "expiry": "24 months"}


def open_shop() -> tuple[Channel, Warehouse]:
    """The channel and its warehouse, made if they are not there."""
    with allow_writer():
        channel = make_channel(CHANNEL)
        warehouse = make_warehouse()
        warehouse.channels.add(channel)
        if not User.objects.filter(email=STAFF_EMAIL).exists():
            make_superuser(STAFF_EMAIL, STAFF_PASSWORD)
    return channel, warehouse


def switch_points_on(channel: Channel, earn_from: datetime) -> None:
    """What `pluginUpdate` does, for orders from `earn_from` on: the history earns, too."""
    values = {**LOYALTY_SETTINGS, "earn_from": earn_from.date().isoformat()}
    configuration = [{"name": name, "value": value} for name, value in values.items()]
    with allow_writer():
        get_plugins_manager(allow_replica=False).save_plugin_configuration(
            LOYALTY_PLUGIN_ID, channel.slug, {"active": True, "configuration": configuration}
        )
