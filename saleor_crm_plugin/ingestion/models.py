"""What we have seen of Saleor's facts: one row for each order, and where each periodic job stands."""

from __future__ import annotations

from django.db import models


class OrderSync(models.Model):
    """An order as it was when we last brought our tables in line with it."""

    order_id = models.UUIDField(primary_key=True)
    # None until the first sync has gone through; the row itself is what concurrent syncs of one order lock.
    synced_at = models.DateTimeField(null=True)
    seen_updated_at = models.DateTimeField(null=True)
    # Saleor attaches a guest's orders to a new account without touching updated_at and without a hook.
    seen_user_id = models.IntegerField(null=True)
    # Why the last attempt failed, for the operator; empty when it went through. Never holds personal data.
    error = models.CharField(max_length=255, blank=True, default="")
    # The customer was deleted on their request, or anonymised before we had read the order: nothing of it is taken in
    # any more, whatever happens to it.
    is_forgotten = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "crm_order_sync"
        indexes = [models.Index(name="crm_order_sync_failed", fields=["order_id"], condition=~models.Q(error=""))]


class SyncState(models.Model):
    """A named position: the reconcile watermark, a backfill that can be resumed, the time of the last training, the
    consent policy that everybody follows.
    """

    name = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "crm_sync_state"
