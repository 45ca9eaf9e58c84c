"""What is concluded of customers once all of their history is in: numbers, scores, stages, types, segments.

Concluded from a part of it, each would change with every batch, and timelines would tell of changes that never were.
"""

from __future__ import annotations

from django.utils import timezone

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion.customer_types import refresh_all_types
from saleor_crm_plugin.ingestion.lifecycle import refresh_all_stages
from saleor_crm_plugin.ingestion.segments import refresh_segments
from saleor_crm_plugin.profiles.lifecycle.refreshing import Occasion
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.rfm import refresh_rfm


def judge_customers(settings: CRMSettings) -> None:
    """Bring everybody in line with their orders: also those whose orders were stored while profiles were off."""
    now = timezone.now()
    refresh_metrics()
    refresh_rfm(settings.rfm_window_days, now)
    refresh_all_stages(settings, now, occasion=Occasion.HISTORY)
    refresh_all_types(settings, now)
    refresh_segments(now)
