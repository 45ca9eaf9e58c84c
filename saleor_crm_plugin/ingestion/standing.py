"""What follows from a customer that is not an order: consents, stage, type and segments, brought in line at once.

For what changes a profile by hand: a consent, a merge, a separation. Scores and forecasts wait for the night.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion import lifecycle
from saleor_crm_plugin.ingestion.customer_types import refresh_types
from saleor_crm_plugin.ingestion.segments import refresh_for
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.profiles.consents.enforcement import follow_policy
from saleor_crm_plugin.profiles.lifecycle.refreshing import Occasion
from saleor_crm_plugin.recommendations.privacy import forget_customers

USING: Final = "default"


@allow_writer()
def bring_customers_in_line(profile_ids: Collection[int], now: datetime, using: str = USING) -> None:
    """After a merge or a separation, which moves orders from one to the other.

    Idempotent, and a constant number of statements. What is missed by a crash in between, the night finds.
    """
    settings = load_settings().crm
    if not profile_ids or not settings.profiles_enabled:
        return
    with transaction.atomic(using=using):
        refusals = follow_policy(profile_ids, using)
        forget_customers(refusals.recommendations, using)
    _refresh(profile_ids, settings, now, using, Occasion.MOVED_ORDERS)


@allow_writer()
def refresh_standing(profile_ids: Collection[int], now: datetime, using: str = USING) -> None:
    """Stage, type and segments only: for whoever has just seen to the consents."""
    settings = load_settings().crm
    if profile_ids and settings.profiles_enabled:
        _refresh(profile_ids, settings, now, using, Occasion.TIME)


def _refresh(
    profile_ids: Collection[int], settings: CRMSettings, now: datetime, using: str, occasion: Occasion
) -> None:
    lifecycle.refresh_stages(profile_ids, settings, now, using, occasion)
    refresh_types(profile_ids, settings, now, using)
    refresh_for(profile_ids, now, using)
