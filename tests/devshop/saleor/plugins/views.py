"""The address of each plugin: what is asked of it, the plugin answers."""

from django.http import HttpRequest, HttpResponseBase
from saleor.core.db.connection import allow_writer

from .manager import get_plugins_manager


@allow_writer()
def handle_global_plugin_webhook(request: HttpRequest, plugin_id: str) -> HttpResponseBase:
    return get_plugins_manager(allow_replica=False).webhook(request, plugin_id, channel_slug=None)
