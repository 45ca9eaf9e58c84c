"""Trends, arrivals, bestsellers, content: by channel and category, page by page, without what the caller leaves out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.product.models import Category, Collection, CollectionProduct, Product, ProductChannelListing

from saleor_crm_plugin.recommendations import serving, serving_content, serving_fills, serving_sql
from saleor_crm_plugin.recommendations.arranging import Policy
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.models import PopularProducts
from saleor_crm_plugin.recommendations.reasons import ReasonCode, Recommendation
from tests.devshop.factories import assign_attribute, make_attribute_value, make_category, make_channel, make_product
from tests.integration.recommendations.shop import make_products, make_profile, publish
from tests.recommending import for_basket, for_customer, for_products

pytestmark = pytest.mark.django_db

Kind = RecommendationKind
BESTSELLERS, TRENDING = PopularProducts.Kind.BESTSELLERS, PopularProducts.Kind.TRENDING
UNKNOWN, FORGED = 987_654_321, 2**70


def ids(recommendations: list[Recommendation]) -> list[int]:
    return [one.product_id for one in recommendations]


def texts(recommendations: list[Recommendation]) -> list[str]:
    return [one.reason.text for one in recommendations]


def keys(*products: Product) -> list[int]:
    return [product.pk for product in products]


def published(product: Product, days_ago: float) -> None:
    ProductChannelListing.objects.filter(product=product).update(published_at=timezone.now() - timedelta(days=days_ago))


def test_trends_of_a_channel_then_its_bestsellers(channel: Channel) -> None:
    steady, rising, leaping = make_products(3)
    kiosk = make_channel("kiosk")
    publish(
        popular={channel: [steady, rising]},
        places=[(TRENDING, channel, None, {leaping: 3.04, rising: 1.2}), (TRENDING, kiosk, None, {steady: 9.0})],
    )

    served = for_customer(None, channel.pk, 3, Kind.TRENDING)

    assert ids(served) == keys(leaping, rising, steady)
    assert texts(served) == ["Sells 3 times as much as before", "Sells more than before", "Popular in this shop"]
    assert [one.reason.value for one in served] == [3.04, 1.2, None]
    assert [one.reason.kind for one in served] == [ReasonCode.TRENDING, ReasonCode.TRENDING, ReasonCode.POPULAR]


@pytest.fixture
def drinks() -> tuple[Category, Category, Category]:
    """Drinks, with tea and coffee below them."""
    root = make_category("Drinks")
    return root, make_category("Tea", root), make_category("Coffee", root)


def test_a_category_and_those_below_it(channel: Channel, drinks: tuple[Category, Category, Category]) -> None:
    root, tea, coffee = drinks
    juice = make_product(category=root)
    green, black = make_products(2, category=tea)
    espresso, latte = make_products(2, category=coffee)
    hammer = make_product()
    publish(
        popular={channel: [hammer, green]},
        places=[
            (BESTSELLERS, channel, tea, {green: 7, black: 2}),
            (BESTSELLERS, channel, coffee, {espresso: 5}),
            (TRENDING, channel, tea, {black: 2}),
            (TRENDING, channel, coffee, {latte: 3}),
        ],
    )

    def served(kind: Kind, category: Category) -> list[Recommendation]:
        return for_customer(None, channel.pk, 10, kind, category_id=category.pk)

    best = served(Kind.BESTSELLERS, root)
    assert ids(best) == keys(green, espresso, black, latte, juice, hammer)
    assert texts(best) == ["Popular in this category"] * 3 + ["New in this category"] * 2 + ["Popular in this shop"]
    assert ids(served(Kind.BESTSELLERS, coffee)) == keys(espresso, latte, hammer, green, black, juice)
    assert ids(served(Kind.TRENDING, root))[:5] == keys(latte, black, green, espresso, juice)
    assert ids(served(Kind.NEW_ARRIVALS, tea)) == keys(black, green, hammer, latte, espresso, juice)


def test_a_personal_list_in_a_category(channel: Channel, drinks: tuple[Category, Category, Category]) -> None:
    root, tea, _coffee = drinks
    green = make_product(category=tea)
    juice = make_product(category=root)
    hammer, nails = make_products(2)
    ann = make_profile()
    publish(again={ann: [hammer, green]}, new={ann: [(nails, hammer), (juice, green)]}, popular={channel: [nails]})

    assert ids(for_customer(ann, channel.pk, 3, category_id=root.pk)) == keys(green, juice, nails)
    assert ids(for_customer(ann, channel.pk, 3, Kind.DISCOVER, category_id=root.pk)) == keys(juice, nails)
    assert ids(for_basket([hammer.pk], channel.pk, 2, category_id=tea.pk)) == keys(green, nails)


def test_what_was_moved_to_another_category_leaves_the_page_of_the_old_one(
    channel: Channel, drinks: tuple[Category, Category, Category]
) -> None:
    _root, tea, coffee = drinks
    green, black = make_products(2, category=tea)
    ann = make_profile()
    publish(
        again={ann: [black]},
        popular={channel: [black, green]},
        places=[(BESTSELLERS, channel, tea, {green: 7, black: 2})],
    )
    Product.objects.filter(pk=green.pk).update(category=coffee)

    for kind in (Kind.FOR_YOU, Kind.BESTSELLERS):
        served = for_customer(ann, channel.pk, 2, kind, category_id=tea.pk)
        assert ids(served) == keys(black, green)
        assert texts(served)[1] == "Popular in this shop"


def test_what_was_moved_to_another_category_leaves_products_and_carts_of_the_old_one(
    channel: Channel, drinks: tuple[Category, Category, Category]
) -> None:
    _root, tea, coffee = drinks
    green, black, espresso = make_products(3, category=tea)
    publish(places=[(BESTSELLERS, channel, tea, {espresso: 7, black: 2})])
    Product.objects.filter(pk=espresso.pk).update(category=coffee)

    of_product = for_products([green.pk], Kind.FREQUENTLY_BOUGHT_TOGETHER, channel.pk, 2)[green.pk]
    for served in (of_product, for_basket([green.pk], channel.pk, 2, kind=Kind.FOR_YOU)):
        assert ids(served) == keys(black, espresso)
        assert texts(served) == ["Popular in this category", "New in this shop"]


@pytest.mark.parametrize("category_id", [UNKNOWN, FORGED, 0, -1])
def test_a_category_that_is_not_there_has_nothing(channel: Channel, category_id: int) -> None:
    first, second = make_products(2)
    publish(popular={channel: [first, second]})

    for kind in Kind:
        assert sorted(ids(for_customer(None, channel.pk, 10, kind, category_id=category_id))) == keys(first, second)


def test_what_was_published_last_comes_first(channel: Channel, drinks: tuple[Category, Category, Category]) -> None:
    old, newest, tomorrow, undated, new = products = make_products(5, category=drinks[1])
    for product, days_ago in zip(products, (30, 1, -1, 0, 2), strict=True):
        published(product, days_ago)
    ProductChannelListing.objects.filter(product=undated).update(published_at=None)

    served = for_customer(None, channel.pk, 10, Kind.NEW_ARRIVALS)
    assert ids(served) == keys(newest, new, old, undated), "what has no date is no arrival, and fills the list"
    assert texts(served) == ["New in this shop"] * 4
    assert ids(for_customer(None, channel.pk, 1, Kind.NEW_ARRIVALS, offset=1)) == keys(new)
    in_category = for_customer(None, channel.pk, 10, Kind.NEW_ARRIVALS, category_id=drinks[0].pk)
    assert ids(in_category) == keys(newest, new, old, undated)
    assert tomorrow.pk not in ids(in_category)


def test_arrivals_of_a_large_category_are_those_of_a_small_one(
    channel: Channel, monkeypatch: pytest.MonkeyPatch, drinks: tuple[Category, Category, Category]
) -> None:
    """A category of more products than are looked at one by one is read by the index of dates instead."""
    products = make_products(6, category=drinks[1])
    make_products(3)
    for product, days_ago in zip(products, (5, 3, 1, 2, 6, 4), strict=True):
        published(product, days_ago)

    def served() -> list[int]:
        return ids(for_customer(None, channel.pk, 4, Kind.NEW_ARRIVALS, category_id=drinks[0].pk))

    small = served()
    text = serving_fills.arrivals(True)
    assert small == keys(products[2], products[3], products[1], products[5])
    monkeypatch.setattr(
        serving_fills,
        "arrivals",
        lambda in_category: text.replace(f"<= {serving_fills.SCAN_LIMIT} AS is_small", "<= 1 AS is_small"),
    )
    serving_sql.statement.cache_clear()
    try:
        assert served() == small
    finally:
        serving_sql.statement.cache_clear()


def test_a_product_that_nobody_bought_is_like_those_with_the_same_attributes_and_collections(channel: Channel) -> None:
    shown, same_category, same_value, common_value, same_collection, nothing = make_products(6)
    others = make_products(4)
    cups = make_category("Cups")
    for product in (shown, same_category):
        product.category = cups
        product.save()
    assign_attribute(make_attribute_value("Bone china", "Material"), shown, same_value)
    assign_attribute(make_attribute_value("White", "Color"), shown, common_value, *others)
    collection = Collection.objects.create(name="Wedding", slug="wedding")
    for product in (shown, same_collection):
        CollectionProduct.objects.create(collection=collection, product=product)

    served = for_products([shown.pk], Kind.SIMILAR, channel.pk, 10)[shown.pk]

    assert ids(served)[0] == same_category.pk
    assert set(ids(served)[1:3]) == set(keys(same_value, same_collection)), "shared by two"
    assert set(ids(served)[3:8]) == set(keys(common_value, *others)), "shared by six"
    assert ids(served)[8] == nothing.pk, "of the same product type"
    assert set(texts(served)) == {f"Similar to {shown.name}"}
    assert all(one.reason.product_ids == (shown.pk,) for one in served)


def test_the_one_product_type_of_a_shop_says_nothing(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, other = make_products(2)
    monkeypatch.setattr(serving_sql, "CONTENT", serving_content.CONTENT.replace("fellows < 100", "fellows < 2"))
    serving_sql.statement.cache_clear()
    try:
        (served,) = for_products([shown.pk], Kind.SIMILAR, channel.pk, 10)[shown.pk]
    finally:
        serving_sql.statement.cache_clear()
    assert (served.product_id, served.reason.kind) == (other.pk, ReasonCode.NEW)


def test_what_goes_with_a_product_is_filled_up_from_its_category(
    channel: Channel, drinks: tuple[Category, Category, Category]
) -> None:
    green, black = make_products(2, category=drinks[1])
    hammer, sugar = make_products(2)
    publish(
        together={green: [sugar]},
        popular={channel: [hammer, black]},
        places=[(BESTSELLERS, channel, drinks[1], {green: 3, black: 2})],
    )

    served = for_products([green.pk], Kind.FREQUENTLY_BOUGHT_TOGETHER, channel.pk, 10)[green.pk]

    assert ids(served) == keys(sugar, black, hammer)
    assert [one.reason.kind for one in served] == [
        ReasonCode.BOUGHT_TOGETHER,
        ReasonCode.POPULAR,
        ReasonCode.POPULAR,
    ]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "policy", [serving.NO_POLICY, Policy(lists=ListPolicy(category_limit=2))], ids=["as learnt", "diverse"]
)
def test_pages_put_together_are_the_list(channel: Channel, kind: Kind, policy: Policy) -> None:
    products = make_products(9, category=make_category()) + make_products(4)
    ann = make_profile()
    publish(
        again={ann: products[:3]},
        new={ann: [(products[4], products[0])]},
        popular={channel: products[2:7]},
        places=[(TRENDING, channel, None, {products[8]: 2.0, products[1]: 1.5})],
    )

    whole = for_customer(ann, channel.pk, 50, kind, policy=policy)

    pages = [for_customer(ann, channel.pk, 4, kind, policy=policy, offset=offset) for offset in range(0, 20, 4)]
    assert [one for page in pages for one in page] == whole
    assert len(whole) == (10 if kind is Kind.DISCOVER else 13)


def test_how_far_a_list_goes(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "OFFSET_LIMIT", 2)
    products = make_products(5)[::-1]

    assert ids(for_customer(None, channel.pk, 2, offset=-3)) == keys(*products[:2])
    assert ids(for_customer(None, channel.pk, 2, offset=999)) == keys(*products[2:4])


@pytest.mark.parametrize("kind", Kind)
def test_what_the_caller_leaves_out_is_nowhere(channel: Channel, kind: Kind) -> None:
    category = make_category()
    out, shown, other = make_products(3, category=category)
    ann = make_profile()
    publish(
        again={ann: [out]},
        new={ann: [(out, shown)]},
        together={shown: [out]},
        similar={shown: [out]},
        popular={channel: [out]},
        places=[
            (list_kind, channel, place, {out: 2.0})
            for list_kind, place in ((BESTSELLERS, category), (TRENDING, None), (TRENDING, category))
        ],
    )
    excluded = (out.pk, UNKNOWN, FORGED, -1)

    for scope in ({}, {"category_id": category.pk}):
        assert set(ids(for_customer(ann, channel.pk, 10, kind, excluded=excluded, **scope))) == {shown.pk, other.pk}
        assert ids(for_basket([shown.pk], channel.pk, 10, kind=kind, excluded=excluded, **scope)) == [other.pk]
