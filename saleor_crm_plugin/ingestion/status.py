"""The read-only lines on the plugin's page: how far behind we are. Read when an admin looks, never stored."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from datetime import datetime

from django.db import DatabaseError, connections, transaction

from saleor_crm_plugin.confidential import summary
from saleor_crm_plugin.config import FAILED_ORDERS, LAST_SYNC, LAST_TRAINING, ORDERS_BEHIND
from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.reconcile import MOST_COUNTED, STATE, failed_orders, orders_behind
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel

logger = logging.getLogger(__name__)

NEVER_RUN = "never"
UNKNOWN = "unknown: run `manage.py migrate saleor_crm_plugin`, and see the log"


def status_lines(using: str) -> dict[str, str]:
    """Field name -> text, for the status fields of the plugin `crm`. Never raises.

    Args:
        using: database alias to read.
    """
    try:
        # A missing table must not spoil a transaction that the caller is in.
        with transaction.atomic(using=using) if connections[using].in_atomic_block else nullcontext():
            return {
                LAST_SYNC: _moment(
                    SyncState.objects.using(using).filter(name=STATE).values_list("updated_at", flat=True).first()
                ),
                LAST_TRAINING: _moment(
                    RecommendationModel.objects.using(using)
                    .filter(status=ModelStatus.PUBLISHED)
                    .values_list("finished_at", flat=True)
                    .first()
                ),
                ORDERS_BEHIND: _orders_behind(using),
                FAILED_ORDERS: str(failed_orders(using)),
            }
    except DatabaseError as error:
        log_once(logger, "status", "The status of the CRM plugin cannot be read: %s", summary(error))
        return dict.fromkeys((LAST_SYNC, LAST_TRAINING, ORDERS_BEHIND, FAILED_ORDERS), UNKNOWN)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(sep=" ", timespec="seconds") if moment else NEVER_RUN


def _orders_behind(using: str) -> str:
    count = orders_behind(using)
    return f"{count} or more" if count >= MOST_COUNTED else str(count)
