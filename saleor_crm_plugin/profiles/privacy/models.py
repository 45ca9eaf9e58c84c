"""What was asked about personal data, by whom and when: the trail of exports and erasures. It names nobody itself."""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from saleor_crm_plugin.profiles.segments.models import CustomerSegment


class RequestKind(models.TextChoices):
    EXPORT = "export"
    SEGMENT_EXPORT = "segment_export"
    ERASURE = "erasure"


class DataRequest(models.Model):
    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=RequestKind.choices)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.SET_NULL, related_name="data_requests", null=True)
    segment = models.ForeignKey(CustomerSegment, on_delete=models.SET_NULL, related_name="+", null=True)
    # Of an erasure.
    level = models.CharField(max_length=16, choices=ErasureLevel.choices, blank=True, default=ErasureLevel.NONE)
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    created_at = models.DateTimeField()
    # SHA-256 of what the link to the file ends with. The link itself is told once, and kept nowhere. Null for erasures,
    # and for files that an operator wrote.
    token_digest = models.CharField(max_length=64, unique=True, null=True)
    expires_at = models.DateTimeField(null=True)
    downloads = models.IntegerField(default=0)

    class Meta:
        db_table = "crm_data_request"
        constraints = [
            models.CheckConstraint(
                name="crm_request_has_a_link_that_expires_or_none",
                condition=models.Q(token_digest__isnull=True, expires_at__isnull=True)
                | (~models.Q(kind="erasure") & models.Q(token_digest__isnull=False, expires_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="crm_request_has_a_level_if_it_is_an_erasure",
                condition=models.Q(kind="erasure", level__gt="") | (~models.Q(kind="erasure") & models.Q(level="")),
            ),
        ]
