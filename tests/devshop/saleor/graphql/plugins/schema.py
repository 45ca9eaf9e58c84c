from typing import Any

import graphene

from ...permission.enums import PluginsPermissions
from ...plugins.manager import PluginsManager
from ..core.connection import create_connection_slice
from ..core.fields import ConnectionField, PermissionsField
from .dataloaders import plugin_manager_promise_callback
from .filters import PluginFilterInput
from .mutations import PluginUpdate
from .resolvers import resolve_plugin, resolve_plugins
from .types import Plugin, PluginCountableConnection


class PluginsQueries(graphene.ObjectType):
    plugin = PermissionsField(
        Plugin,
        id=graphene.Argument(graphene.ID, required=True, description="By id."),
        description="One plugin.",
        permissions=[PluginsPermissions.MANAGE_PLUGINS],
    )
    plugins = ConnectionField(
        PluginCountableConnection,
        filter=PluginFilterInput(description="Only some of them."),
        description="All plugins.",
        permissions=[PluginsPermissions.MANAGE_PLUGINS],
    )

    @staticmethod
    @plugin_manager_promise_callback
    def resolve_plugin(_root: Any, _info: Any, manager: PluginsManager, *, id: str) -> Plugin | None:
        return resolve_plugin(id, manager)

    @staticmethod
    @plugin_manager_promise_callback
    def resolve_plugins(_root: Any, info: Any, manager: PluginsManager, **kwargs: Any) -> Any:
        return create_connection_slice(resolve_plugins(manager, **kwargs), info, kwargs, PluginCountableConnection)


class PluginsMutations(graphene.ObjectType):
    plugin_update = PluginUpdate.Field()
