"""Groups of customers that a query describes, and who is in them."""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.syntax import QUERY_MAX_LENGTH

NAME_MAX_LENGTH = 128
DESCRIPTION_MAX_LENGTH = 1000
ERROR_MAX_LENGTH = 255


class CustomerSegment(models.Model):
    name = models.CharField(max_length=NAME_MAX_LENGTH, unique=True)
    # Names it in queries, rules and exports; never changes.
    slug = models.SlugField(max_length=NAME_MAX_LENGTH, unique=True)
    description = models.CharField(max_length=DESCRIPTION_MAX_LENGTH, blank=True, default="")
    query = models.CharField(max_length=QUERY_MAX_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # When the members were last computed in full; None: never.
    refreshed_at = models.DateTimeField(null=True)
    # Why the last refresh failed, for staff; empty when it went through.
    error = models.CharField(max_length=ERROR_MAX_LENGTH, blank=True, default="")

    class Meta:
        db_table = "crm_customer_segment"


class SegmentMembership(models.Model):
    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(CustomerSegment, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="memberships")
    entered_at = models.DateTimeField()

    class Meta:
        db_table = "crm_segment_membership"
        constraints = [
            models.UniqueConstraint(name="crm_profile_is_in_a_segment_once", fields=["segment", "profile"]),
        ]
