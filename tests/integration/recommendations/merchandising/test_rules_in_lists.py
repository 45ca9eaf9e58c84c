"""What rules do to the lists that a shop serves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.product.models import Category, Collection, CollectionProduct, Product, ProductChannelListing

from saleor_crm_plugin.recommendations import serving
from saleor_crm_plugin.recommendations.arranging import ARRANGED_CANDIDATES
from saleor_crm_plugin.recommendations.kinds import RecommendationKind as Kind
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule
from saleor_crm_plugin.recommendations.reasons import ReasonCode
from saleor_crm_plugin.recommendations.serving import Asked, serve
from tests.devshop.factories import assign_attribute, make_attribute_value, make_category, make_channel, make_product
from tests.integration.recommendations.merchandising.rules import boost, bury, exclude, pin, policy_of, served
from tests.integration.recommendations.shop import NO_LONGER_SOLD, make_products, make_profile, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def six(channel: Channel) -> list[Product]:
    """The channel's bestsellers, best first, and all that it sells."""
    products = make_products(6)
    publish(popular={channel: products})
    return products


def collection_of(*products: Product) -> Collection:
    collection = Collection.objects.create(name="Sale", slug=f"sale-{products[0].pk}")
    for product in products:
        CollectionProduct.objects.create(collection=collection, product=product)
    return collection


def put_into(category: Category, *products: Product) -> None:
    Product.objects.filter(pk__in=[product.pk for product in products]).update(category=category)


def keys(*products: Product) -> list[int]:
    return [product.pk for product in products]


def test_a_rule_by_product(channel, six):
    a, b, c, d, e, f = six
    exclude(products=[b, d])
    assert served(channel) == keys(a, c, e, f)


def test_a_rule_by_category_is_for_all_below_it(channel, six):
    a, b, c, d, e, f = six
    drinks = make_category("Drinks")
    tea = make_category("Tea", parent=drinks)
    put_into(drinks, b)
    put_into(make_category("Green tea", parent=tea), d)
    put_into(make_category("Bread"), e)
    exclude(category_ids=frozenset({drinks.pk}))
    assert served(channel) == keys(a, c, e, f)


def test_a_rule_by_collection(channel, six):
    a, b, c, d, e, f = six
    bury(collection_ids=frozenset({collection_of(a, c).pk}))
    assert served(channel) == keys(b, d, e, f, a, c)


def test_a_rule_by_attribute_value(channel, six):
    a, b, c, d, e, f = six
    assign_attribute(make_attribute_value("Acme", "Brand"), c)
    assign_attribute(make_attribute_value("Zed", "Brand"), e)
    assign_attribute(make_attribute_value("Acme", "Supplier"), f)
    boost(attribute_values={"brand": frozenset({"acme", "zed"})})
    assert served(channel) == keys(c, e, a, b, d, f)


def test_all_kinds_of_targets_must_hold_and_all_attributes(channel, six):
    a, b, c, d, e, f = six
    tea = make_category("Tea")
    red, acme = make_attribute_value("Red", "Color"), make_attribute_value("Acme", "Brand")
    put_into(tea, a, b, c, d)
    assign_attribute(red, b, c, d)
    assign_attribute(acme, c, d, e)
    exclude(
        category_ids=frozenset({tea.pk}),
        collection_ids=frozenset({collection_of(a, b, c, e).pk}),
        attribute_values={"color": frozenset({"red"}), "brand": frozenset({"acme"})},
        products=[a, b, c, d, e, f],
    )
    assert served(channel) == keys(a, b, d, e, f)


def test_a_pin_brings_in_what_the_list_does_not_hold(channel, six):
    a, b, *_ = six
    shown = make_product()
    publish(together={shown: [a]}, popular={channel: [a, b]})
    pin(shown, b, position=1)
    together = {"kind": Kind.FREQUENTLY_BOUGHT_TOGETHER, "first": 2}
    # The product of the page itself is not in its list, pinned or not.
    assert served(channel, Asked(product_ids=(shown.pk,)), **together) == keys(b, a)


def test_a_pin_from_outside_says_that_the_shop_recommends_it(channel):
    listed = make_products(ARRANGED_CANDIDATES)
    pinned = make_product()
    publish(popular={channel: listed})
    Product.objects.filter(pk__in=keys(*listed)).exists()
    pin(pinned, position=3)
    policy = policy_of(channel)
    scope = serving.Scope(channel.pk, Kind.BESTSELLERS, 4, policy=policy)
    page = serve([Asked()], scope)[0]
    assert [one.product_id for one in page] == keys(listed[0], listed[1], pinned, listed[2])
    assert (page[2].reason.kind, page[2].reason.text) == (ReasonCode.FEATURED, "Recommended by this shop")
    assert page[0].reason.kind is ReasonCode.POPULAR


@pytest.mark.parametrize("way", NO_LONGER_SOLD)
def test_a_pinned_product_that_is_not_sold_is_not_shown(channel, six, way):
    a, b, *_ = six
    pinned = make_product()
    pin(pinned, position=1)
    assert served(channel, first=2) == keys(pinned, a)
    NO_LONGER_SOLD[way](pinned)
    assert served(channel, first=2) == keys(a, b)


def test_a_pin_by_target_takes_the_best_of_the_list_or_else_the_newest(channel, six):
    a, b, c, d, e, f = six
    tea = make_category("Tea")
    put_into(tea, d, e)
    pin(category_ids=frozenset({tea.pk}), position=1)
    assert served(channel) == keys(d, a, b, c, e, f)
    old, new = make_products(2, category=make_category("Coffee"))
    publish(popular={channel: six + make_products(ARRANGED_CANDIDATES)})
    pin(collection_ids=frozenset({collection_of(old, new).pk}), position=2)
    assert served(channel, first=3) == keys(d, new, a)


def test_excluded_products_do_not_shorten_the_list(channel):
    sold = make_products(30)
    gone = make_category("Gone")
    put_into(gone, *sold[:20])
    publish(popular={channel: sold})
    exclude(category_ids=frozenset({gone.pk}))
    assert served(channel, first=10) == keys(*sold[20:])


def test_a_list_that_rules_make_short_is_read_again(channel):
    listed = make_products(ARRANGED_CANDIDATES + 20)
    publish(popular={channel: listed})
    sale = collection_of(*listed[: ARRANGED_CANDIDATES + 5])
    exclude(collection_ids=frozenset({sale.pk}))
    policy = policy_of(channel)
    with CaptureQueriesContext(connection) as counted:
        assert served(channel, policy=policy, first=5) == keys(*listed[105:110])
    assert len(counted) == 2
    pages = [served(channel, policy=policy, first=4, offset=offset) for offset in range(0, 16, 4)]
    assert [one for page in pages for one in page] == keys(*listed[105:120])


def test_a_pin_respects_what_the_list_must_not_hold(channel):
    bought, cart, other = make_products(3)
    profile = make_profile()
    publish(again={profile: [bought]}, popular={channel: [other]})
    pin(bought, cart, position=1)
    assert served(channel, Asked(profile), kind=Kind.DISCOVER) == keys(cart, other)
    assert served(channel, Asked(None, (cart.pk,)), kind=Kind.FREQUENTLY_BOUGHT_TOGETHER) == keys(bought, other)
    assert served(channel, Asked(profile), kind=Kind.FOR_YOU) == keys(bought, cart, other)


def test_the_scope_of_a_rule(channel, six):
    a, *rest = six
    other = make_channel("other")
    now = timezone.now()
    for scope in (
        {"channel_ids": frozenset({other.pk})},
        {"kinds": frozenset({"similar"})},
        {"segment_ids": frozenset({7})},
        {"starts_at": now + timedelta(hours=1)},
        {"ends_at": now - timedelta(hours=1)},
        {"is_active": False},
    ):
        exclude(products=[a], **scope)
        assert served(channel) == keys(*six), scope
    for scope in (
        {"channel_ids": frozenset({other.pk, channel.pk})},
        {"kinds": frozenset({"similar", "bestsellers"})},
        {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1)},
    ):
        found = exclude(products=[a], **scope)
        assert served(channel) == keys(*rest), scope
        MerchandisingRule.objects.filter(pk=found.pk).update(is_active=False)


def test_a_rule_for_a_segment_is_for_its_members_only_in_one_statement_with_others(channel, six):
    a, b, c, *_ = six
    pinned = make_product()
    exclude(products=[a], segment_ids=frozenset({7}))
    exclude(products=[b], segment_ids=frozenset({7, 8}))
    pin(pinned, segment_ids=frozenset({8}))
    people = [make_profile() for _ in range(3)]
    members = [frozenset({7}), frozenset({8, 9}), frozenset()]
    asked = [Asked(person, segment_ids=segments) for person, segments in zip(people, members, strict=True)]
    scope = serving.Scope(channel.pk, Kind.FOR_YOU, 3, policy=policy_of(channel))
    with CaptureQueriesContext(connection) as counted:
        of_seven, of_eight, of_none = serve(asked, scope)
    assert [one.product_id for one in of_seven] == keys(c, six[3], six[4])
    assert [one.product_id for one in of_eight] == keys(pinned, a, c)
    assert [one.product_id for one in of_none] == keys(a, b, c)
    assert len(counted) == 1


def test_what_was_deleted_makes_no_rule_wider(channel, six):
    a, b, c, *_ = six
    tea, sale = make_category("Tea"), collection_of(a)
    acme = make_attribute_value("Acme", "Brand")
    gone = make_product()
    exclude(products=[gone])
    exclude(category_ids=frozenset({tea.pk}), products=[a])
    exclude(collection_ids=frozenset({sale.pk}), products=[b])
    exclude(attribute_values={"brand": frozenset({"acme"})}, products=[c])
    exclude(products=[a], channel_ids=frozenset({987_654}))
    exclude(products=[a], segment_ids=frozenset({987_654}))
    pin(gone, position=1)
    Product.objects.filter(pk=gone.pk).delete()
    tea.delete()
    CollectionProduct.objects.filter(collection=sale).delete()
    sale.delete()
    acme.attribute.delete()
    assert served(channel) == keys(*six)


def test_pages_continue_each_other(channel):
    tea = make_category("Tea")
    listed = make_products(ARRANGED_CANDIDATES + 30)
    put_into(tea, *listed[::3])
    publish(popular={channel: listed})
    boost(5, category_ids=frozenset({tea.pk}))
    exclude(products=listed[10:14])
    pin(make_product(), position=12)
    policy = policy_of(channel, category_limit=4)
    pages = [served(channel, policy=policy, first=17, offset=offset) for offset in range(0, 140, 17)]
    whole = [one for page in pages for one in page]
    assert len(whole) == len(set(whole)) == ARRANGED_CANDIDATES + 30 - 4 + 1
    assert whole[:100] == served(channel, policy=policy, first=100)


def test_new_products_get_their_places(channel):
    listed = make_products(40)
    ProductChannelListing.objects.all().update(published_at=timezone.now() - timedelta(days=90))
    older, newer = make_products(2)
    ProductChannelListing.objects.filter(product=older).update(published_at=timezone.now() - timedelta(days=29))
    publish(popular={channel: listed})
    policy = policy_of(channel, new_in_ten=1, new_days=30)
    assert served(channel, policy=policy, first=20) == keys(*listed[:9], newer, *listed[9:18], older)
    exclude(products=[newer])
    assert served(channel, policy=policy_of(channel, new_in_ten=1), first=11) == keys(*listed[:9], older, listed[9])


def test_brands_are_limited_by_the_attribute_that_the_shop_has_named(channel, six):
    a, b, c, d, e, f = six
    assign_attribute(make_attribute_value("Acme", "Brand"), a, b, c)
    assign_attribute(make_attribute_value("Red", "Color"), a, d, e)
    assert served(channel, policy=policy_of(channel, brand_attribute="brand", brand_limit=1)) == keys(a, d, e, f, b, c)
    assert served(channel, policy=policy_of(channel, brand_attribute="gone", brand_limit=1)) == keys(*six)


def test_with_rules_it_is_one_statement_still(channel, six):
    tea = make_category("Tea")
    exclude(category_ids=frozenset({tea.pk}))
    pin(six[2], position=1)
    policy = policy_of(channel, category_limit=3, brand_attribute="brand", brand_limit=3, new_in_ten=2)
    with CaptureQueriesContext(connection) as counted:
        served(channel, policy=policy)
    assert len(counted) == 1


def test_an_excluded_product_is_not_named_as_a_reason_that_leads_to_it(channel):
    shown, other = make_products(2)
    publish(together={shown: [other]})
    exclude(products=[other])
    assert served(channel, Asked(product_ids=(shown.pk,)), kind=Kind.FREQUENTLY_BOUGHT_TOGETHER) == []
