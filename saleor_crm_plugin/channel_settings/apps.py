from django.apps import AppConfig


class ChannelSettingsConfig(AppConfig):
    name = "saleor_crm_plugin.channel_settings"
    # The default label, `channel_settings`, is a name that anybody may use.
    label = "saleor_crm_plugin_channel_settings"
