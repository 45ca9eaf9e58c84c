from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotFound
from django.utils.module_loading import import_string

from ..channel.models import Channel
from ..core.db.connection import allow_writer
from ._hooks import Hooks
from .models import PluginConfiguration

if TYPE_CHECKING:
    from .base_plugin import BasePlugin

NotifyEventTypeChoice = str


class PluginsManager(Hooks):
    """Loads plugins as they are asked for and calls their hooks. It catches nothing: an exception goes to the caller.

    Global plugins are loaded with the first hook, the plugins of a channel with the first hook for that channel. A hook
    without a channel reaches what is loaded by then.
    """

    def __init__(
        self,
        plugins: list[str],
        requestor_getter: Callable[[], Any] | None = None,
        allow_replica: bool = True,
    ) -> None:
        self.plugins = plugins
        self.requestor_getter = requestor_getter
        self._allow_replica = allow_replica
        self.all_plugins: list[BasePlugin] = []
        self.global_plugins: list[BasePlugin] = []
        self.plugins_per_channel: dict[str, list[BasePlugin]] = defaultdict(list)
        self.loaded_global = False
        self.loaded_all_channels = False
        self.loaded_channels: set[str] = set()

    def __del__(self) -> None:
        self.all_plugins.clear()
        self.global_plugins.clear()
        for plugins in self.plugins_per_channel.values():
            plugins.clear()

    @property
    def database(self) -> str:
        if self._allow_replica:
            return settings.DATABASE_CONNECTION_REPLICA_NAME
        return settings.DATABASE_CONNECTION_DEFAULT_NAME

    def get_plugins(
        self,
        channel_slug: str | None = None,
        active_only: bool = False,
        plugin_ids: list[str] | None = None,
    ) -> list["BasePlugin"]:
        self._ensure_channel_plugins_loaded(channel_slug)
        plugins = self.all_plugins if channel_slug is None else self.plugins_per_channel[channel_slug]
        if active_only:
            plugins = [plugin for plugin in plugins if plugin.active]
        if plugin_ids:
            plugins = [plugin for plugin in plugins if plugin.PLUGIN_ID in plugin_ids]
        return plugins

    def get_all_plugins(self, active_only: bool = False) -> list["BasePlugin"]:
        if not self.loaded_all_channels:
            for channel in Channel.objects.using(self.database).all():
                self._ensure_channel_plugins_loaded(channel.slug, channel)
            self.loaded_all_channels = True
        return self.get_plugins(active_only=active_only)

    def get_plugin(self, plugin_id: str, channel_slug: str | None = None) -> Optional["BasePlugin"]:
        for plugin in self.get_plugins(channel_slug):
            if plugin.check_plugin_id(plugin_id):
                return plugin
        return None

    def save_plugin_configuration(
        self, plugin_id: str, channel_slug: str | None, cleaned_data: dict
    ) -> PluginConfiguration | None:
        channel = None
        if channel_slug:
            channel = Channel.objects.using(self.database).filter(slug=channel_slug).first()
            if channel is None:
                return None
        plugin = self.get_plugin(plugin_id, channel_slug or None)
        if plugin is None:
            return None
        row, _created = PluginConfiguration.objects.using(self.database).get_or_create(
            identifier=plugin_id, channel=channel, defaults={"configuration": plugin.configuration}
        )
        saved = plugin.save_plugin_configuration(row, cleaned_data)
        saved.name = plugin.PLUGIN_NAME
        saved.description = plugin.PLUGIN_DESCRIPTION
        plugin.active = saved.active
        plugin.configuration = saved.configuration
        return saved

    def webhook(self, request: HttpRequest, plugin_id: str, channel_slug: str | None) -> HttpResponseBase:
        """What a plugin answers at its address; the path is what follows its name."""
        plugin = self.get_plugin(plugin_id, channel_slug)
        if plugin is None or not plugin.active:
            return HttpResponseNotFound()
        path = request.path.split(plugin_id, maxsplit=1)[1]
        return self._run_on_plugin(plugin, "webhook", HttpResponseNotFound(), request, path)

    def _ensure_channel_plugins_loaded(self, channel_slug: str | None, channel: Channel | None = None) -> None:
        if channel_slug is None:
            if not self.loaded_global:
                self.global_plugins.extend(self._load(None))
                self.loaded_global = True
            return
        if channel_slug in self.loaded_channels:
            return
        channel = channel or Channel.objects.using(self.database).filter(slug=channel_slug).first()
        if channel is None:
            return
        self.plugins_per_channel[channel_slug].extend(self._load(channel))
        self._ensure_channel_plugins_loaded(None)
        self.plugins_per_channel[channel_slug].extend(self.global_plugins)
        self.loaded_channels.add(channel_slug)

    def _load(self, channel: Channel | None) -> list["BasePlugin"]:
        stored = {
            row.identifier: row for row in PluginConfiguration.objects.using(self.database).filter(channel=channel)
        }
        classes: list[type[BasePlugin]] = [import_string(path) for path in self.plugins]
        loaded = [
            self._load_plugin(plugin_class, stored, channel, self.requestor_getter, allow_replica=self._allow_replica)
            for plugin_class in classes
            if plugin_class.CONFIGURATION_PER_CHANNEL is (channel is not None)
        ]
        self.all_plugins.extend(loaded)
        return loaded

    def _load_plugin(
        self,
        plugin_class: type["BasePlugin"],
        db_configs_map: dict[str, PluginConfiguration],
        channel: Channel | None = None,
        requestor_getter: Callable[[], Any] | None = None,
        allow_replica: bool = True,
    ) -> "BasePlugin":
        row = db_configs_map.get(plugin_class.PLUGIN_ID)
        return plugin_class(
            configuration=row.configuration if row else plugin_class.DEFAULT_CONFIGURATION,
            active=row.active if row else plugin_class.get_default_active(),
            channel=row.channel if row else channel,
            requestor_getter=requestor_getter,
            db_config=row,
            allow_replica=allow_replica,
        )

    def _run(self, hook: str, channel_slug: str | None, *args: Any, **kwargs: Any) -> Any:
        """Call the hook on every active plugin that has it; each gets what the one before returned."""
        value = None
        for plugin in self.get_plugins(channel_slug, active_only=True):
            value = self._run_on_plugin(plugin, hook, value, *args, **kwargs)
        return value

    def _run_on_plugin(self, plugin: Any, hook: str, previous_value: Any, *args: Any, **kwargs: Any) -> Any:
        method = getattr(plugin, hook, NotImplemented)
        if method is NotImplemented:
            return previous_value
        returned = method(*args, **kwargs, previous_value=previous_value)
        return previous_value if returned is NotImplemented else returned


def get_plugins_manager(allow_replica: bool, requestor_getter: Callable[[], Any] | None = None) -> PluginsManager:
    if allow_replica:
        return PluginsManager(settings.PLUGINS, requestor_getter, allow_replica)
    with allow_writer():
        return PluginsManager(settings.PLUGINS, requestor_getter, allow_replica)
