"""Which profile became part of which other, when, and what it takes to make them two again.

The merges that are not undone are the edges of a forest, from each source to its target; `CustomerProfile.merged_into`
of a profile is the root above it (`family`). So a merge is undone by removing its edge, whatever was merged into the
source before.
"""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.actors import Actor, ActorType, actor_type_field
from saleor_crm_plugin.profiles.models import CustomerProfile


class ProfileMerge(models.Model):
    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="merges")
    target = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="merges_in")
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    merged_at = models.DateTimeField()
    # None: for good, as a guest who has turned out to be a user.
    undo_until = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    # What was changed beside the pointers, by id (`carrying.Carried`), and where both stood: a refusal of profiling
    # takes the latter away, an erasure everything.
    carried = models.JSONField(default=dict)

    class Meta:
        db_table = "crm_profile_merge"
        constraints = [
            models.UniqueConstraint(
                name="crm_profile_is_merged_once_at_a_time",
                fields=["source"],
                condition=models.Q(undone_at__isnull=True),
            ),
            models.CheckConstraint(
                name="crm_profile_merge_of_two_profiles", condition=~models.Q(source=models.F("target"))
            ),
        ]

    @property
    def actor(self) -> Actor:
        """Who has merged them."""
        return Actor(ActorType(self.actor_type), self.actor_id)
