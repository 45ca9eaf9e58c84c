"""Whether lists that were learnt elsewhere may be published: not worse than those in use, on purchases since.

The engine learnt from an export, the lists in use mostly from a later night: what customers bought after both, neither
has learnt from. Where too few bought anything since, nothing can be said, and the lists are published.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final

import numpy as np

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.evaluation.cases import first_baskets
from saleor_crm_plugin.recommendations.evaluation.intervals import Estimate, estimate
from saleor_crm_plugin.recommendations.evaluation.metrics import TOP, ndcg_of
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.selection import FEWEST_CASES
from saleor_crm_plugin.recommendations.models import PersonalRecommendations, RecommendationModel
from saleor_crm_plugin.recommendations.progress import no_progress
from saleor_crm_plugin.recommendations.training import PurchaseSource

# Customers that are asked about, the same ones each time.
CUSTOMERS_LIMIT: Final = 3_000

Lists = Mapping[int, list[int]]


class ImportGate:
    """Called once all rows are stored: publishes the version, or raises."""

    def __init__(self, shop: PurchaseSource, now: datetime.datetime, *, force: bool, using: str) -> None:
        self._shop = shop
        self._now = now
        self._force = force
        self._using = using

    def __call__(self, model: RecommendationModel, finished_at: datetime.datetime) -> None:
        """Raises TrainingError: the lists are worse than those in use."""
        published = storage.published(self._using)
        if published is not None and model.data_until is not None:
            since = max(model.data_until, published.data_until or model.data_until)
            self._judge(model, published, since, _targets(self._shop.read(since, self._now, no_progress)))
        storage.publish(model, finished_at)

    def _judge(
        self,
        model: RecommendationModel,
        published: RecommendationModel,
        since: datetime.datetime,
        targets: dict[int, set[int]],
    ) -> None:
        new, old = (self._lists(version, list(targets)) for version in (model, published))
        asked = sorted(customer for customer in targets if customer in new and customer in old)[:CUSTOMERS_LIMIT]
        if len(asked) < FEWEST_CASES:
            model.evaluation = {"notes": [f"Too few customers bought since {since:%Y-%m-%d} to judge by."]}
            return
        worth = {
            name: np.asarray([ndcg_of(lists[customer], targets[customer]) for customer in asked])
            for name, lists in (("model", new), ("published", old))
        }
        figures = {name: _figures(estimate(values)) for name, values in worth.items()}
        model.evaluation = {"next_basket": figures}
        difference = estimate(worth["model"] - worth["published"])
        if difference is not None and difference.high < 0 and not self._force:
            raise TrainingError(
                f"What was learnt elsewhere is not published: on what {len(asked):,} customers have bought since, its "
                f"nDCG@10 is {worth['model'].mean():.4f}, that of the model in use {worth['published'].mean():.4f}. "
                "`manage.py crm_train --import DIR --force` publishes it all the same."
            )

    def _lists(self, model: RecommendationModel, customers: list[int]) -> Lists:
        rows = PersonalRecommendations.objects.using(self._using).filter(model=model, profile_id__in=customers)
        return {profile_id: products[:TOP] for profile_id, products in rows.values_list("profile_id", "product_ids")}


def _targets(later: PurchaseHistory) -> dict[int, set[int]]:
    """The first basket of each customer, by ids."""
    targets: dict[int, set[int]] = {}
    if not len(later):
        return targets
    customers, products = np.divmod(first_baskets(later).keys, len(later.product_ids))
    pairs = zip(later.customer_ids[customers].tolist(), later.product_ids[products].tolist(), strict=True)
    for customer, product in pairs:
        targets.setdefault(customer, set()).add(product)
    return targets


def _figures(found: Estimate | None) -> dict[str, float]:
    return {} if found is None else dict(found._asdict())
