"""A model of recommendations and the customers that it knows, over `catalogue_tables`.

What a training learns does not matter to how it is served: the lists are made up. Each customer has a list of 150
products, each of half of the products fifty that go with it, and every tenth customer an order since the training.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import numpy as np

from tests.benchmarks.catalogue_tables import CATEGORY_SIZE, CHANNEL, NOW
from tests.benchmarks.tables import copy, unchecked


def fill_model(connection: Any, products: int, customers: int) -> None:
    with unchecked(connection):
        _fill(connection, products, customers)


def _fill(connection: Any, products: int, customers: int) -> None:
    from saleor_crm_plugin.recommendations import storage
    from saleor_crm_plugin.recommendations.learning.recommender import PersonalList, PopularList, RelatedList
    from saleor_crm_plugin.recommendations.models import ModelStatus, ProductAffinity, RecommendationModel

    dice = np.random.default_rng(2)
    trained = NOW - datetime.timedelta(hours=6)
    copy(
        connection,
        "crm_customer_profile",
        {"profiling_allowed": "true", "recommendations_allowed": "true"},
        ("id",),
        ((one,) for one in range(1, customers + 1)),
    )
    copy(
        connection,
        "crm_profile_order",
        {"counts": "true", "currency": "USD"},
        ("order_id", "profile_id", "channel_id", "placed_at"),
        (
            (
                uuid.UUID(int=customer * 100 + number),
                customer,
                CHANNEL,
                NOW - datetime.timedelta(hours=1)
                if number == 0 and customer % 10 == 0
                else trained - datetime.timedelta(days=number),
            )
            for customer in range(1, customers + 1)
            for number in range(10)
        ),
    )
    copy(
        connection,
        "order_orderline",
        {"quantity": "1"},
        ("id", "order_id", "variant_id"),
        (
            (
                uuid.UUID(int=(customer * 100) * 10 + line),
                uuid.UUID(int=customer * 100),
                (customer * 31 + line * 977) % products + 1,
            )
            for customer in range(10, customers + 1, 10)
            for line in range(8)
        ),
    )
    model = RecommendationModel(status=ModelStatus.TRAINING, started_at=trained, data_until=trained)
    model.save(using="default")

    def some(count: int) -> list[int]:
        return list(dict.fromkeys(dice.integers(1, products + 1, count).tolist()))

    def falling(count: int) -> list[float]:
        return [1 / (place + 2) for place in range(count)]

    def related() -> Any:
        for product in range(2, products + 1, 2):
            others = some(50)
            yield RelatedList(product, others, falling(len(others)), falling(len(others)))

    def personal() -> Any:
        for customer in range(1, customers + 1):
            chosen = some(150)
            count = len(chosen)
            again = [1 if place < 100 else 2 for place in range(count)]
            dates = [float("nan") if kind == 2 else float(place % 40) for place, kind in enumerate(again)]
            amounts = [1 / (place + 2) if kind == 1 else 0.0 for place, kind in enumerate(again)]
            yield PersonalList(customer, chosen, falling(count), again, chosen, falling(count), amounts, dates, dates)

    for kind in ProductAffinity.Kind:
        storage.store_related(model, kind, related())
    for _stored in storage.store_personal(model, personal()):
        pass
    categories = products // CATEGORY_SIZE + 1
    popular = some(300)
    places = {0: popular} | {
        number: [one for one in range(number - 1, products + 1, categories) if one][:100]
        for number in range(1, categories + 1)
    }
    storage.store_popular(
        model,
        [
            PopularList(kind, CHANNEL, place, chosen, falling(len(chosen)))
            for kind in ("bestsellers", "trending")
            for place, chosen in places.items()
        ],
    )
    storage.publish(model, NOW)
