"""A shop's recommendations for tests: models published by hand, and orders as facts of a person."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from saleor.channel.models import Channel
from saleor.order.models import Order
from saleor.product.models import Category, Product

from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity, ProfileOrder
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.learning.stored import PersonalList, PopularList, RelatedList
from saleor_crm_plugin.recommendations.models import (
    WHOLE_CHANNEL,
    ModelStatus,
    PopularProducts,
    ProductAffinity,
    ReasonKind,
    RecommendationModel,
)
from tests.devshop.factories import make_channel, make_order, make_product

Related = Mapping[Product, Sequence[Product]]
KINDS = ProductAffinity.Kind


def make_profile() -> int:
    """A guest, who can come back under the same address."""
    profile = CustomerProfile.objects.create()
    address = f"guest-{profile.pk}@example.com"
    ProfileIdentity.objects.create(profile=profile, kind=IdentityKind.UNVERIFIED_EMAIL, value=address)
    return profile.pk


def make_products(count: int, **fields: Any) -> list[Product]:
    return [make_product(**fields) for _ in range(count)]


def descending(count: int) -> list[float]:
    return [1 / (place + 1) for place in range(count)]


def publish(
    *,
    again: Mapping[int, Sequence[Product]] | None = None,
    new: Mapping[int, Sequence[tuple[Product, Product]]] | None = None,
    together: Related | None = None,
    similar: Related | None = None,
    popular: Mapping[Channel, Sequence[Product]] | None = None,
    amounts: Mapping[Product, float] | None = None,
    due: Mapping[Product, tuple[float, float]] | None = None,
    places: Sequence[tuple[PopularProducts.Kind, Channel, Category | None, Mapping[Product, float]]] = (),
    data_until: datetime | None = None,
) -> RecommendationModel:
    """A published model with these lists: bought before and new (with its reason) by profile, and so on, best first.

    Args:
        amounts: of each product bought, how much; by default not known.
        due: days until a product is bought again, and days between purchases of it.
        places: further lists of a channel or category, with scores.
        data_until: up to when purchases were learnt; by default all.
    """
    now = timezone.now()
    model = RecommendationModel(status=ModelStatus.TRAINING, started_at=now, data_until=data_until or now)
    model.save(using="default")
    unknown = (math.nan, math.nan)

    def timing(product: Product) -> tuple[float, float]:
        return (due or {}).get(product, unknown)

    personal = []
    for profile_id in {**(again or {}), **(new or {})}:
        bought, discovered = (again or {}).get(profile_id, ()), (new or {}).get(profile_id, ())
        personal.append(
            PersonalList(
                profile_id,
                [product.pk for product in bought] + [product.pk for product, _ in discovered],
                descending(len(bought) + len(discovered)),
                [ReasonKind.BOUGHT_BEFORE.value] * len(bought) + [ReasonKind.BOUGHT_TOGETHER.value] * len(discovered),
                [product.pk for product in bought] + [reason.pk for _, reason in discovered],
                [2.0] * len(bought) + [0.5] * len(discovered),
                [amounts[product] for product in bought] + [0.0] * len(discovered) if amounts else [],
                *([timing(product)[part] for product in bought] + [math.nan] * len(discovered) for part in (0, 1)),
            )
        )
    assert sum(storage.store_personal(model, personal)) == len(personal)
    for kind, lists in ((KINDS.BOUGHT_TOGETHER, together), (KINDS.SIMILAR, similar)):
        storage.store_related(
            model,
            kind,
            [
                RelatedList(product.pk, [one.pk for one in others], descending(len(others)), descending(len(others)))
                for product, others in (lists or {}).items()
            ],
        )
    storage.store_popular(
        model,
        [
            PopularList("bestsellers", channel.pk, 0, [product.pk for product in products], descending(len(products)))
            for channel, products in (popular or {}).items()
        ]
        + [
            PopularList(
                kind.value,
                channel.pk,
                category.pk if category else WHOLE_CHANNEL,
                [product.pk for product in scores],
                list(scores.values()),
            )
            for kind, channel, category, scores in places
        ],
    )
    storage.publish(model, timezone.now())
    return model


def buy(profile_id: int, *products: Product, days_ago: float = 1, counts: bool = True, **fields: Any) -> Order:
    """An order of one of each, and our fact about it."""
    order = make_order(
        lines=[(product, 1) for product in products],
        created_at=timezone.now() - timedelta(days=days_ago),
        paid=False,
        **fields,
    )
    ProfileOrder.objects.create(
        order_id=order.pk,
        profile_id=profile_id,
        channel_id=order.channel_id,
        currency=order.currency,
        placed_at=order.created_at,
        counts=counts,
        gross_amount=Decimal(order.total_gross_amount),
        refunded_amount=Decimal(0),
    )
    return order


def _unlist(product: Product) -> None:
    product.channel_listings.all().delete()


def _change(**fields: Any) -> Callable[[Product], None]:
    def change(product: Product) -> None:
        product.channel_listings.update(
            **{name: value() if callable(value) else value for name, value in fields.items()}
        )

    return change


def _without_price(product: Product) -> None:
    for variant in product.variants.all():
        variant.channel_listings.update(price_amount=None)


def _unlist_variants(product: Product) -> None:
    for variant in product.variants.all():
        variant.channel_listings.all().delete()


def _price_in_another_channel(product: Product) -> None:
    other = make_channel("other")
    for variant in product.variants.all():
        variant.channel_listings.update(channel=other)


def _to_another_channel(product: Product) -> None:
    other = make_channel("other")
    product.channel_listings.update(channel=other)


def _delete(product: Product) -> None:
    # Through a queryset, so that the instance in the test's hands keeps its primary key.
    Product.objects.filter(pk=product.pk).delete()


# Every way in which a product can stop being on sale, after a model was trained on it.
NO_LONGER_SOLD: dict[str, Callable[[Product], None]] = {
    "unpublished": _change(is_published=False),
    "published tomorrow": _change(published_at=lambda: timezone.now() + timedelta(days=1)),
    "hidden from listings": _change(visible_in_listings=False),
    "not for sale yet": _change(available_for_purchase_at=lambda: timezone.now() + timedelta(days=1)),
    "not for sale": _change(available_for_purchase_at=None),
    "out of the channel": _unlist,
    "in another channel only": _to_another_channel,
    "without a price": _without_price,
    "a price in another channel only": _price_in_another_channel,
    "no variant in the channel": _unlist_variants,
    "without variants": lambda product: product.variants.all().delete(),
    "deleted": _delete,
}
