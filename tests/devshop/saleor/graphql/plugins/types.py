from typing import Any

import graphene

from ...plugins.base_plugin import BasePlugin
from ..channel.types import Channel
from ..core.connection import CountableConnection
from ..core.types import NonNullList
from .enums import ConfigurationTypeFieldEnum


class ConfigurationItem(graphene.ObjectType):
    name = graphene.String(required=True, description="What programs call it.")
    value = graphene.String(description="What it is set to.")
    type = graphene.Field(ConfigurationTypeFieldEnum, description="How it is asked for.")
    label = graphene.String(description="What people call it.")
    help_text = graphene.String(description="What it does.")

    class Meta:
        description = "One setting of a plugin."


class PluginConfiguration(graphene.ObjectType):
    active = graphene.Boolean(required=True, description="Whether the plugin is on.")
    channel = graphene.Field(Channel, description="For which channel.")
    configuration = NonNullList(ConfigurationItem, description="Its settings.")

    class Meta:
        description = "The settings of a plugin, for the shop or for one channel."

    @staticmethod
    def resolve_configuration(root: BasePlugin, info: Any) -> Any:
        return root.resolve_plugin_configuration(info.context)


class Plugin(graphene.ObjectType):
    id = graphene.ID(required=True, description="The id.")
    name = graphene.String(required=True, description="What people call it.")
    description = graphene.String(required=True, description="What it does.")
    global_configuration = graphene.Field(PluginConfiguration, description="Its settings for the shop.")
    channel_configurations = NonNullList(PluginConfiguration, required=True, description="Its settings by channel.")

    class Meta:
        description = "Something that was added to the shop."


class PluginCountableConnection(CountableConnection):
    class Meta:
        node = Plugin
