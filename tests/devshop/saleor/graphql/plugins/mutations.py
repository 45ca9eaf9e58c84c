from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ...permission.enums import PluginsPermissions
from ...plugins.error_codes import PluginErrorCode
from ...plugins.manager import get_plugins_manager
from ..channel.types import Channel
from ..core.mutations import BaseMutation
from ..core.types import NonNullList, PluginError
from .dataloaders import get_plugin_manager_promise
from .resolvers import resolve_plugin
from .types import Plugin


class ConfigurationItemInput(graphene.InputObjectType):
    name = graphene.String(required=True, description="Which setting.")
    value = graphene.String(description="What it shall be.")


class PluginUpdateInput(graphene.InputObjectType):
    active = graphene.Boolean(description="Whether the plugin shall be on.")
    configuration = NonNullList(ConfigurationItemInput, description="Settings to change.")


class PluginUpdate(BaseMutation):
    plugin = graphene.Field(Plugin, description="The plugin.")

    class Arguments:
        id = graphene.ID(required=True, description="Which plugin.")
        channel_id = graphene.ID(description="For which channel, where it has settings by channel.")
        input = PluginUpdateInput(required=True, description="What changes.")

    class Meta:
        description = "Set up a plugin."
        permissions = (PluginsPermissions.MANAGE_PLUGINS,)
        error_type_class = PluginError
        error_type_field = "plugins_errors"

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, id: str, input: dict[str, Any], channel_id: str | None = None
    ) -> "PluginUpdate":
        channel = cls.get_node_or_error(info, channel_id, only_type=Channel) if channel_id else None
        slug = channel.slug if channel else None
        manager = get_plugin_manager_promise(info.context).get()
        plugin = manager.get_plugin(id, slug)
        if plugin is None or plugin.HIDDEN:
            raise _refusal("There is no such plugin for this channel.", PluginErrorCode.NOT_FOUND)
        if plugin in manager.global_plugins and channel:
            raise _refusal("It has no settings by channel.", PluginErrorCode.INVALID)
        if plugin not in manager.global_plugins and not channel:
            raise _refusal("It has settings by channel only.", PluginErrorCode.NOT_FOUND)
        manager.save_plugin_configuration(id, slug, input)
        return cls(plugin=resolve_plugin(id, get_plugins_manager(allow_replica=False)))


def _refusal(message: str, code: PluginErrorCode) -> ValidationError:
    return ValidationError({"id": ValidationError(message, code=code.value)})
