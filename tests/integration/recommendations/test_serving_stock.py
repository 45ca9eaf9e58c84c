"""What is in stock in the channel, and what is never recommended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.product import ProductTypeKind
from saleor.product.models import Product, ProductType, ProductVariant
from saleor.warehouse.models import Stock

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from tests.devshop.factories import add_variant, make_channel, make_product, make_warehouse
from tests.integration.recommendations.shop import make_products, make_profile, publish
from tests.recommending import for_basket, for_customer, for_products

pytestmark = pytest.mark.django_db


def served(channel: Channel, profile: int | None = None, **scope: object) -> set[int]:
    return {one.product_id for one in for_customer(profile, channel.pk, 10, **scope)}


def _stock(product: Product, **fields: int) -> None:
    Stock.objects.filter(product_variant__product=product).update(**fields)


def _variant(product: Product, **fields: object) -> None:
    ProductVariant.objects.filter(product=product).update(**fields)


def _ordered_in_advance(ends: timedelta | None) -> Callable[[Product], None]:
    def change(product: Product) -> None:
        _stock(product, quantity=0)
        _variant(product, is_preorder=True, preorder_end_date=ends and timezone.now() + ends)

    return change


def _another_variant(product: Product) -> None:
    _stock(product, quantity=0)
    add_variant(product, channel=make_channel(), stock=1)


def _another_variant_that_the_channel_does_not_sell(product: Product) -> None:
    _stock(product, quantity=0)
    add_variant(product, channel=make_channel("other"), stock=1)


def _warehouse_of_another_channel(product: Product) -> None:
    elsewhere = make_warehouse("elsewhere")
    elsewhere.channels.set([make_channel("other")])
    Stock.objects.filter(product_variant__product=product).update(warehouse=elsewhere)


STOCK: dict[str, tuple[Callable[[Product], None], bool]] = {
    "some": (lambda product: _stock(product, quantity=1), True),
    "none": (lambda product: _stock(product, quantity=0), False),
    "more than is promised": (lambda product: _stock(product, quantity=5, quantity_allocated=4), True),
    "all promised": (lambda product: _stock(product, quantity=5, quantity_allocated=5), False),
    "more promised than there is": (lambda product: _stock(product, quantity=5, quantity_allocated=9), False),
    "no stock at all": (lambda product: Stock.objects.filter(product_variant__product=product).delete(), False),
    "not tracked": (
        lambda product: (_stock(product, quantity=0), _variant(product, track_inventory=False)),
        True,
    ),
    "ordered in advance": (_ordered_in_advance(None), True),
    "ordered in advance until tomorrow": (_ordered_in_advance(timedelta(days=1)), True),
    "ordered in advance until yesterday": (_ordered_in_advance(timedelta(days=-1)), False),
    "some of another variant": (_another_variant, True),
    "some of a variant that the channel does not sell": (_another_variant_that_the_channel_does_not_sell, False),
    "in the warehouse of another channel": (_warehouse_of_another_channel, False),
}  # type: ignore[dict-item]


@pytest.mark.parametrize(("change", "in_stock"), STOCK.values(), ids=STOCK)
def test_what_is_in_stock(channel: Channel, change: Callable[[Product], None], in_stock: bool) -> None:
    product, other = make_products(2)
    profile = make_profile()
    publish(
        again={profile: [product, other]},
        together={other: [product]},
        similar={other: [product]},
        popular={channel: [product, other]},
    )
    change(product)

    lists = [
        served(channel, profile),
        served(channel),
        *(
            served(channel, profile, kind=kind)
            for kind in RecommendationKind
            if kind is not RecommendationKind.DISCOVER
        ),
        {one.product_id for one in for_basket([other.pk], channel.pk, 10)},
        {one.product_id for one in for_products([other.pk], RecommendationKind.SIMILAR, channel.pk, 10)[other.pk]},
    ]
    assert {product.pk in some for some in lists} == {in_stock}
    assert product.pk in served(channel, profile, only_in_stock=False)


def test_a_reason_is_named_though_it_is_sold_out(channel: Channel) -> None:
    tea, sugar = make_products(2)
    publish(together={tea: [sugar]})
    _stock(tea, quantity=0)

    (first, *_) = for_products([tea.pk], RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, channel.pk, 10)[tea.pk]

    assert (first.product_id, first.reason.product_ids) == (sugar.pk, (tea.pk,))


def test_gift_cards_are_never_recommended(channel: Channel) -> None:
    cards = ProductType.objects.create(
        name="Gift card", slug="gift-card", kind=ProductTypeKind.GIFT_CARD, is_shipping_required=False
    )
    card, other = make_product(), make_product()
    card.product_type = cards
    card.save()
    profile = make_profile()
    publish(again={profile: [card]}, together={other: [card]}, similar={other: [card]}, popular={channel: [card]})

    for kind in RecommendationKind:
        assert served(channel, profile, kind=kind) == {other.pk}
        assert served(channel, profile, kind=kind, only_in_stock=False) == {other.pk}
        assert for_basket([other.pk], channel.pk, 10, kind=kind) == []
