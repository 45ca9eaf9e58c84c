"""Lifecycle stages at every sync, and of everybody at night: the shop's terms, and its usual gap as last computed.

The gap is computed from all orders, so once a night, and kept: a sync must not read them all, and customers must not
change their stage with every order of somebody else.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.profiles.lifecycle import refreshing
from saleor_crm_plugin.profiles.lifecycle.refreshing import Occasion
from saleor_crm_plugin.profiles.lifecycle.rules import Terms
from saleor_crm_plugin.profiles.models import CustomerProfile

STATE: Final = "lifecycle"


def refresh_stages(
    profile_ids: Collection[int], settings: CRMSettings, now: datetime, using: str, occasion: Occasion
) -> int:
    """Returns how many of these customers are in another stage now."""
    if not profile_ids:
        return 0
    return refreshing.refresh_stages(profile_ids, _terms(settings, _known_gap(using)), now, using, occasion)


def welcome(profile_ids: Collection[int], settings: CRMSettings, now: datetime, using: str) -> None:
    """Give those of the customers who have no stage yet their first one."""
    new = CustomerProfile.objects.using(using).filter(pk__in=profile_ids, lifecycle_stage="", profiling_allowed=True)
    refresh_stages(list(new.values_list("pk", flat=True)), settings, now, using, Occasion.TIME)


def refresh_all_stages(
    settings: CRMSettings, now: datetime, using: str | None = None, occasion: Occasion = Occasion.TIME
) -> int:
    """Compute the shop's usual gap and bring everybody's stage in line; returns how many are in another one now."""
    alias = using or DEFAULT_DB_ALIAS
    gap = refreshing.shop_gap(alias)
    state = {"shop_gap_seconds": None if gap is None else gap // timedelta(seconds=1)}
    SyncState.objects.using(alias).update_or_create(name=STATE, defaults={"value": state})
    return refreshing.refresh_all_stages(_terms(settings, gap), now, alias, occasion)


@partial(CompiledQuery, "name")
def _states() -> QuerySet[Any, Any]:
    return SyncState.objects.values_list("value")


def _known_gap(using: str) -> timedelta | None:
    found = _states([STATE], using)
    value = found[0][0] if found else {}
    seconds = value.get("shop_gap_seconds")
    return None if seconds is None else timedelta(seconds=seconds)


def _terms(settings: CRMSettings, gap: timedelta | None) -> Terms:
    return Terms(
        loyal_orders=settings.loyal_orders,
        won_back_for=timedelta(days=settings.won_back_days),
        shop_gap=timedelta(days=settings.usual_gap_days) if gap is None else gap,
    )
