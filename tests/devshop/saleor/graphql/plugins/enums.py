import graphene

from ...plugins.base_plugin import ConfigurationTypeField

ConfigurationTypeFieldEnum = graphene.Enum(
    "ConfigurationTypeFieldEnum",
    [(value.upper(), value) for value, _name in ConfigurationTypeField.CHOICES],
)
