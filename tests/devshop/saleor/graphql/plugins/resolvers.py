from collections import defaultdict
from typing import Any

from django.conf import settings

from ...plugins.base_plugin import BasePlugin, ConfigurationTypeField
from ...plugins.manager import PluginsManager
from .types import Plugin


def resolve_plugin(id: str, manager: PluginsManager) -> Plugin | None:
    return next((plugin for plugin in resolve_plugins(manager) if plugin.id == id), None)


def resolve_plugins(
    manager: PluginsManager,
    sort_by: Any = None,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
    **kwargs: Any,
) -> list[Plugin]:
    """Global plugins first, then those with settings by channel; secrets come out shortened."""
    by_channel: dict[str, list[BasePlugin]] = defaultdict(list)
    everywhere: dict[str, BasePlugin] = {}
    for plugin in manager.get_all_plugins():
        hide_private_configuration_fields(plugin.configuration, plugin.CONFIG_STRUCTURE)
        if plugin.HIDDEN:
            continue
        if plugin.CONFIGURATION_PER_CHANNEL:
            by_channel[plugin.PLUGIN_ID].append(plugin)
        else:
            everywhere[plugin.PLUGIN_ID] = plugin
    found = [_describe(plugin, plugin, []) for plugin in everywhere.values()]
    found += [_describe(plugins[0], None, plugins) for plugins in by_channel.values()]
    search = (kwargs.get("filter") or {}).get("search")
    if search:
        found = [item for item in found if search.lower() in f"{item.name}\n{item.description}".lower()]
    return found


def _describe(plugin: BasePlugin, global_plugin: BasePlugin | None, by_channel: list[BasePlugin]) -> Plugin:
    return Plugin(
        id=plugin.PLUGIN_ID,
        name=plugin.PLUGIN_NAME,
        description=plugin.PLUGIN_DESCRIPTION,
        global_configuration=global_plugin,
        channel_configurations=by_channel,
    )


def hide_private_configuration_fields(configuration: list[dict], config_structure: dict | None) -> None:
    secrets = (ConfigurationTypeField.SECRET, ConfigurationTypeField.SECRET_MULTILINE)
    for field in configuration:
        type_ = (config_structure or {}).get(field["name"], {}).get("type")
        value = field["value"]
        if value is None:
            continue
        if type_ == ConfigurationTypeField.PASSWORD:
            field["value"] = "" if value else None
        elif type_ in secrets:
            field["value"] = (value[-4:] if len(value) > 4 else value[-1:]) or None
