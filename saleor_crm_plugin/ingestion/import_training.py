"""What an engine elsewhere has learnt, into this shop."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

import numpy as np
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion.binary_copy import read_rows
from saleor_crm_plugin.ingestion.purchases import SaleorPurchases
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.train import learner_parameters
from saleor_crm_plugin.profiles.consents.queries import not_to_be_recommended_to, of_nobody
from saleor_crm_plugin.recommendations.exchange.scoring import Bought
from saleor_crm_plugin.recommendations.exchange.tables import Ints
from saleor_crm_plugin.recommendations.import_gate import ImportGate
from saleor_crm_plugin.recommendations.importing import import_results
from saleor_crm_plugin.recommendations.models import RecommendationModel
from saleor_crm_plugin.recommendations.progress import Progress, no_progress

CUSTOMERS = "SELECT id::int8 FROM crm_customer_profile ORDER BY id"
PRODUCTS = "SELECT id::int8 FROM product_product ORDER BY id"
_ID_TYPE: Final = {"id": ">i8"}

# The same purchases as `purchases.LINES`, of some customers.
BOUGHT = """
SELECT fact.profile_id::int8, variant.product_id::int8, count(DISTINCT fact.order_id)::int8
FROM crm_profile_order fact
JOIN order_orderline line ON line.order_id = fact.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id
WHERE fact.profile_id = ANY (%(customers)s::bigint[])
    AND fact.counts AND fact.placed_at >= %(since)s AND fact.placed_at <= %(until)s
    AND line.quantity > 0 AND NOT line.is_gift
GROUP BY fact.profile_id, variant.product_id
"""
_BOUGHT_TYPE: Final = {"customer": ">i8", "product": ">i8", "baskets": ">i8"}

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS = {
    "order_orderline": ("order_id", "variant_id", "quantity", "is_gift"),
    "product_productvariant": ("id", "product_id"),
    "product_product": ("id",),
}


class SaleorShop(SaleorPurchases):
    """This shop: a `recommendations.importing.Shop`."""

    def customer_ids(self) -> Ints:
        return self._ids(CUSTOMERS)

    def product_ids(self) -> Ints:
        return self._ids(PRODUCTS)

    def bought_by(self, customer_ids: Ints, since: datetime.datetime, until: datetime.datetime) -> Bought:
        parameters = {"customers": customer_ids.tolist(), "since": since, "until": until}
        parts = list(read_rows(self._using, BOUGHT, parameters, _BOUGHT_TYPE))
        customers, products, baskets = (
            np.concatenate([part[name] for part in parts]).astype(np.int64) for name in _BOUGHT_TYPE
        )
        return Bought(customers, products, baskets)

    def _ids(self, query: str) -> Ints:
        parts = [part["id"] for part in read_rows(self._using, query, {}, _ID_TYPE)]
        return np.concatenate(parts).astype(np.int64)


def import_now(
    directory: Path,
    *,
    now: datetime.datetime | None = None,
    since: datetime.datetime | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> RecommendationModel:
    """Check, store and publish what a directory holds, with the settings of the plugin.

    Args:
        since: from when on purchases count as "bought before"; by default the training history of the settings.
        force: publish also what does worse than the model in use.

    Raises:
        ExchangeError: the directory is refused.
        TrainingError: recommendations are switched off, a training or another import is running, or what was learnt is
            worse than what is published.
    """
    moment = now or timezone.now()
    with allow_writer():
        settings = load_settings().crm
        if not settings.recommendations_enabled:
            raise TrainingError("Recommendations are switched off in the plugin's settings.")
        shop = SaleorShop()
        return import_results(
            directory,
            shop,
            since=since or moment - datetime.timedelta(days=settings.training_history_days),
            now=moment,
            parameters=learner_parameters(settings),
            unlisted=not_to_be_recommended_to(DEFAULT_DB_ALIAS),
            gone=of_nobody,
            progress=progress,
            publish=ImportGate(shop, moment, force=force, using=DEFAULT_DB_ALIAS),
        )
