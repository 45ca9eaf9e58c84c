"""Finds the points of checkouts that have changed without a hint: one that got lost, or a change that gives none.

Saleor touches `last_change` with every change, and has an index on it. Each run goes on from where the last one began,
so it finds what an outage of the broker has swallowed, however long that took.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import OperationalError
from django.db.models import Exists, OuterRef, QuerySet
from saleor.checkout.models import Checkout

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.positions import position
from saleor_crm_plugin.ingestion.refit import refit_hold
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.loyalty.models import HoldStatus, PointsHold

logger = logging.getLogger(__name__)

STATE: Final = "holds"
BATCH_SIZE: Final = 500
# A change is seen when it commits, with the time of its write. Saleor's of a checkout take a second; the rest is for
# clocks. What is looked at twice is not changed twice.
IN_FLIGHT: Final = timedelta(minutes=2)


def refit_changed_holds(settings: ShopSettings, now: datetime) -> int | None:
    """Fit the points of all checkouts that have changed since the last run; the first one looks at all that have any.

    Returns:
        How many checkouts are not as before; None if another run was under way, and nothing was done.
    """
    with only_one(STATE) as mine:
        if not mine:
            return None
        batches = key_batches(_changed(_since(now)), BATCH_SIZE)
        changed = sum(_refit(token, settings) for batch in batches for token in batch)
        SyncState.objects.update_or_create(name=STATE, defaults={"value": {"until": now.isoformat()}})
        return changed


def _since(now: datetime) -> datetime | None:
    value = SyncState.objects.filter(name=STATE).values_list("value", flat=True).first() or {}
    until = position(value.get("until"), now)
    return None if until is None else until - IN_FLIGHT


def _changed(since: datetime | None) -> QuerySet[Checkout]:
    """Checkouts that points are set aside for, or that have the voucher of those of another one."""
    held = PointsHold.objects.filter(status=HoldStatus.HELD)
    with_points = Checkout.objects.filter(
        Exists(held.filter(checkout_token=OuterRef("pk"))) | Exists(held.filter(code=OuterRef("voucher_code")))
    )
    return with_points if since is None else with_points.filter(last_change__gt=since)


def _refit(token: UUID, settings: ShopSettings) -> bool:
    """`refit_hold`, but one checkout that fails is logged, and keeps no other from it."""
    try:
        return refit_hold(token, settings)
    except OperationalError:
        # Of the database as a whole, or of a moment: the next run starts where this one has.
        raise
    except Exception as error:
        logger.error("Points do not follow their checkout (%s).", token, exc_info=told(error))
        return False
