"""What a customer has agreed to or refused. Rows are added, never changed: the newest of a purpose counts."""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.profiles.models import CustomerProfile


class ConsentPurpose(models.TextChoices):
    MARKETING_EMAIL = "marketing_email"
    MARKETING_SMS = "marketing_sms"
    PROFILING = "profiling"
    RECOMMENDATIONS = "recommendations"


class ConsentState(models.TextChoices):
    GRANTED = "granted"
    REFUSED = "refused"


class ConsentRecord(models.Model):
    id = models.BigAutoField(primary_key=True)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="consents", db_index=False)
    purpose = models.CharField(max_length=24, choices=ConsentPurpose.choices)
    state = models.CharField(max_length=16, choices=ConsentState.choices)
    # Where it was said, in the shop's own words, for example "checkout" or "phone".
    source = models.CharField(max_length=64, blank=True, default="")
    # Which text the customer was shown.
    text_version = models.CharField(max_length=64, blank=True, default="")
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "crm_consent_record"
        indexes = [models.Index(name="crm_consent_newest", fields=["profile", "purpose", "-id"])]


class ConsentPolicy(models.Model):
    """What silence means in this shop, as last applied. One row at most; none: silence allows.

    A trigger reads it for every profile that is made, so that nobody is profiled between being made and being asked.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    # Whoever has said nothing about profiling and recommendations has not agreed to them.
    consent_required = models.BooleanField()

    class Meta:
        db_table = "crm_consent_policy"
        constraints = [models.CheckConstraint(name="crm_there_is_one_consent_policy", condition=models.Q(id=1))]
