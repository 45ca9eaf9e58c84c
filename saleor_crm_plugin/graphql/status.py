"""`crmStatus`: what an operator wants to know before asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import graphene
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_SHOP
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin import __version__
from saleor_crm_plugin.compat import saleor_version
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.clv.types import CrmForecast
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.reconcile import MOST_COUNTED, STATE, failed_orders, orders_behind
from saleor_crm_plugin.profiles.clv.models import ClvFit
from saleor_crm_plugin.profiles.clv.queries import latest_fits
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel


@dataclass(frozen=True, slots=True)
class Status:
    """Root of `CrmStatus`."""

    version: str
    saleor_version: str
    last_sync_at: datetime | None
    orders_behind: int
    failed_orders: int
    last_training_at: datetime | None


class CrmStatus(BaseObjectType):
    version = graphene.String(required=True, description="Version of saleor-crm-plugin.")
    saleor_version = graphene.String(required=True, description="Version of Saleor that it runs in.")
    last_sync_at = DateTime(
        description="When orders were last reconciled. Null if never: are Celery beat and a worker up?"
    )
    orders_behind = graphene.Int(
        required=True,
        description=f"Orders that have changed since they were last read; {MOST_COUNTED} stands for that many or more.",
    )
    failed_orders = graphene.Int(
        required=True, description="Orders that could not be processed; they are tried again, and the log says why."
    )
    last_training_at = DateTime(description="When the recommendation model in use was trained. Null if none is.")
    forecasts = NonNullList(
        CrmForecast,
        required=True,
        description="The newest forecast of customers' orders in each currency. Empty before the first night.",
    )

    class Meta:
        description = "State of the plugin." + ADDED_IN_010
        doc_category = DOC_CATEGORY_SHOP

    @staticmethod
    def resolve_forecasts(_root: Status, info: Any) -> list[ClvFit]:
        return latest_fits(get_database_connection_name(info.context))


def resolve_crm_status(_root: Any, info: Any) -> Status:
    using = get_database_connection_name(info.context)
    reconciled = SyncState.objects.using(using).filter(name=STATE)
    published = RecommendationModel.objects.using(using).filter(status=ModelStatus.PUBLISHED)
    return Status(
        version=__version__,
        saleor_version=saleor_version(),
        last_sync_at=reconciled.values_list("updated_at", flat=True).first(),
        orders_behind=orders_behind(using),
        failed_orders=failed_orders(using),
        last_training_at=published.values_list("finished_at", flat=True).first(),
    )
