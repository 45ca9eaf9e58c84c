from django.db import models

from ..channel.models import Channel
from ..core.utils.json_serializer import CustomJsonEncoder
from ..permission.enums import PluginsPermissions


class PluginConfiguration(models.Model):
    identifier = models.CharField(max_length=128)
    name = models.CharField(max_length=128)
    channel = models.ForeignKey(Channel, blank=True, null=True, on_delete=models.CASCADE)
    description = models.TextField(blank=True)
    active = models.BooleanField(default=False)
    configuration = models.JSONField(default=dict, encoder=CustomJsonEncoder)

    class Meta:
        unique_together = ("identifier", "channel")
        permissions = ((PluginsPermissions.MANAGE_PLUGINS.codename, "Manage plugins"),)

    def __str__(self) -> str:
        return f"{self.identifier}, active: {self.active}"
