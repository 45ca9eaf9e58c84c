"""What staff write down about a customer: notes, and tags to find them by."""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.profiles.models import CustomerProfile

NOTE_MAX_LENGTH = 4000
TAG_MAX_LENGTH = 64


class CustomerNote(models.Model):
    id = models.BigAutoField(primary_key=True)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="notes", db_index=False)
    text = models.CharField(max_length=NOTE_MAX_LENGTH)
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "crm_customer_note"
        indexes = [models.Index(name="crm_note_of_profile", fields=["profile", "-created_at", "-id"])]


class CustomerTag(models.Model):
    """A word on a profile, in lower case."""

    id = models.BigAutoField(primary_key=True)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=TAG_MAX_LENGTH)
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    assigned_at = models.DateTimeField()

    class Meta:
        db_table = "crm_customer_tag"
        constraints = [models.UniqueConstraint(name="crm_tag_is_on_a_profile_once", fields=["profile", "name"])]
        indexes = [models.Index(name="crm_tag_by_name", fields=["name", "profile"])]
