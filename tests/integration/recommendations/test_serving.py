from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.product.models import Product, ProductChannelListing

from saleor_crm_plugin.recommendations import serving
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.reasons import ReasonCode, Recommendation
from tests.devshop.factories import make_category, make_channel, make_product
from tests.integration.recommendations.shop import NO_LONGER_SOLD, make_products, make_profile, publish
from tests.recommending import for_basket, for_customer, for_products

pytestmark = pytest.mark.django_db

FOR_YOU, BUY_AGAIN, DISCOVER = RecommendationKind.FOR_YOU, RecommendationKind.BUY_AGAIN, RecommendationKind.DISCOVER
TOGETHER, SIMILAR = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, RecommendationKind.SIMILAR
BESTSELLERS = RecommendationKind.BESTSELLERS
UNKNOWN, FORGED = 987_654_321, 2**70


def ids(recommendations: list[Recommendation]) -> list[int]:
    return [recommendation.product_id for recommendation in recommendations]


def keys(*products: Product) -> list[int]:
    return [product.pk for product in products]


def test_what_was_learnt_then_what_is_popular_then_what_is_new(channel: Channel) -> None:
    newest, popular, new, bought = make_products(4)[::-1]
    profile = make_profile()
    publish(again={profile: [bought]}, new={profile: [(new, bought)]}, popular={channel: [bought, popular]})

    served = for_customer(profile, channel.pk, 10)

    assert ids(served) == keys(bought, new, popular, newest)
    assert [one.reason.kind for one in served] == [
        ReasonCode.BOUGHT_BEFORE,
        ReasonCode.BOUGHT_TOGETHER,
        ReasonCode.POPULAR,
        ReasonCode.NEW,
    ]
    assert served[0].reason.text == "You have bought this 2 times"
    assert served[1].reason.text == f"Because you bought {bought.name}"
    assert [one.reason.product_ids for one in served] == [(bought.pk,), (bought.pk,), (), ()]


def test_the_kinds_of_personal_lists(channel: Channel) -> None:
    bought, new, popular = make_products(3)
    profile = make_profile()
    publish(again={profile: [bought]}, new={profile: [(new, bought)]}, popular={channel: [bought, popular]})

    assert ids(for_customer(profile, channel.pk, 2, FOR_YOU)) == keys(bought, new)
    assert ids(for_customer(profile, channel.pk, 2, BUY_AGAIN)) == keys(bought, popular)
    assert ids(for_customer(profile, channel.pk, 9, DISCOVER)) == keys(new, popular), "nothing that was bought"
    assert ids(for_customer(profile, channel.pk, 2, BESTSELLERS)) == keys(bought, popular)
    assert ids(for_customer(profile, channel.pk, 2, TOGETHER)) == keys(bought, popular)


@pytest.mark.parametrize("profile_id", [None, UNKNOWN, FORGED, -1, 0])
def test_whoever_is_not_known_gets_the_bestsellers(channel: Channel, profile_id: int | None) -> None:
    first, second = make_products(2)
    publish(popular={channel: [first, second]})

    for kind in set(RecommendationKind) - {RecommendationKind.NEW_ARRIVALS}:
        assert ids(for_customer(profile_id, channel.pk, 2, kind)) == keys(first, second)


def test_without_any_model_the_newest_are_served(channel: Channel) -> None:
    old, new, newest = make_products(3)

    assert ids(for_customer(make_profile(), channel.pk, 2)) == keys(newest, new)
    assert ids(for_products([newest.pk], TOGETHER, channel.pk, 5)[newest.pk]) == keys(new, old)
    assert ids(for_basket([newest.pk], channel.pk, 5)) == keys(new, old)


def test_a_shop_without_products_has_nothing(channel: Channel) -> None:
    assert for_customer(None, channel.pk, 10) == []
    assert for_products([UNKNOWN], SIMILAR, channel.pk, 10) == {UNKNOWN: []}
    assert for_basket([], channel.pk, 10) == []


@pytest.mark.parametrize("channel_id", [UNKNOWN, FORGED, 0, -5])
def test_a_channel_that_is_not_there_sells_nothing(product: Product, channel_id: int) -> None:
    assert for_customer(None, channel_id, 10) == []
    assert for_products([product.pk], TOGETHER, channel_id, 10) == {product.pk: []}


def test_a_channel_that_is_switched_off_sells_nothing(channel: Channel) -> None:
    publish(popular={channel: make_products(2)})
    channel.is_active = False
    channel.save()

    assert for_customer(None, channel.pk, 10) == []


@pytest.mark.parametrize("first", [0, -1, -100])
def test_asking_for_nothing_gets_nothing(channel: Channel, product: Product, first: int) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert for_customer(None, channel.pk, first) == []
        assert for_products([product.pk], SIMILAR, channel.pk, first) == {product.pk: []}
        assert for_basket([product.pk], channel.pk, first) == []
    assert len(queries) == 0


def test_no_list_is_longer_than_the_limit(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "FIRST_LIMIT", 3)
    make_products(5)

    assert len(for_customer(None, channel.pk, 1_000_000)) == 3


@pytest.mark.parametrize("stop_selling", NO_LONGER_SOLD.values(), ids=NO_LONGER_SOLD)
def test_what_is_no_longer_sold_is_never_served(channel: Channel, stop_selling: Callable[[Product], None]) -> None:
    category = make_category()
    gone, *others = make_products(4, category=category)
    shown = others[0]
    profile = make_profile()
    publish(
        again={profile: [gone, others[1]]},
        new={profile: [(others[2], gone)]},
        together={shown: [gone, others[1]]},
        similar={shown: [gone, others[1]]},
        popular={channel: [gone, *others]},
    )
    assert all(gone.pk in served for served in everything(profile, shown, channel))

    stop_selling(gone)

    assert not any(gone.pk in served for served in everything(profile, shown, channel))
    assert {len(served) for served in everything(profile, shown, channel)} == {2, 3}, "and the lists are filled up"
    customers_see = set(Product.objects.published_with_variants(channel).values_list("pk", flat=True))
    assert all(set(served) <= customers_see for served in everything(profile, shown, channel))


def everything(profile: int, shown: Product, channel: Channel) -> list[list[int]]:
    return [
        *(ids(for_customer(profile, channel.pk, 10, kind)) for kind in (FOR_YOU, BUY_AGAIN, BESTSELLERS)),
        *(ids(for_products([shown.pk], kind, channel.pk, 10)[shown.pk]) for kind in (TOGETHER, SIMILAR)),
        ids(for_basket([shown.pk], channel.pk, 10)),
    ]


@pytest.mark.parametrize("stop_selling", NO_LONGER_SOLD.values(), ids=NO_LONGER_SOLD)
def test_a_reason_that_is_no_longer_sold_is_not_named(
    channel: Channel, stop_selling: Callable[[Product], None]
) -> None:
    bought, new = make_products(2)
    profile = make_profile()
    publish(new={profile: [(new, bought)]})
    stop_selling(bought)

    (served,) = for_customer(profile, channel.pk, 10)

    assert served.product_id == new.pk
    assert served.reason.product_ids == ()
    assert served.reason.text == "Goes well with what you bought"


def test_on_sale_from_the_moment_said_on(channel: Channel, product: Product) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    product.channel_listings.update(published_at=tomorrow, available_for_purchase_at=tomorrow)

    assert for_customer(None, channel.pk, 1) == []
    assert ids(for_customer(None, channel.pk, 1, now=tomorrow)) == [product.pk]


def test_each_channel_sells_its_own(channel: Channel) -> None:
    kiosk = make_channel("kiosk")
    here, there, both = make_product(), make_product(channel=kiosk), make_product(channel=[channel, kiosk])
    profile = make_profile()
    publish(again={profile: [here, there, both]}, popular={kiosk: [there], channel: [here]})

    assert ids(for_customer(profile, channel.pk, 10)) == keys(here, both)
    assert ids(for_customer(profile, kiosk.pk, 10)) == keys(there, both)


def test_many_products_each_with_a_list_of_its_own(channel: Channel) -> None:
    tea, sugar, hammer, nails = make_products(4)
    publish(together={tea: [sugar], hammer: [nails]}, popular={channel: [tea, nails]})

    served = for_products([hammer.pk, tea.pk, UNKNOWN, FORGED, tea.pk], TOGETHER, channel.pk, 2)

    assert {key: ids(served[key]) for key in served} == {
        hammer.pk: keys(nails, tea),
        tea.pk: keys(sugar, nails),
        UNKNOWN: keys(tea, nails),
        FORGED: keys(tea, nails),
    }
    assert served[tea.pk][0].reason.text == f"Bought together in 100 % of baskets with {tea.name}"
    assert served[tea.pk][0].reason.product_ids == (tea.pk,)


def test_similar_are_those_of_its_category_then_the_popular_ones(channel: Channel) -> None:
    cups, tools = make_category("Cups"), make_category("Tools")
    mug, old_cup, learnt_cup, new_cup = make_products(4, category=cups)
    hammer = make_product(category=tools)
    publish(similar={mug: [learnt_cup]}, popular={channel: [hammer, mug]})

    served = for_products([mug.pk, hammer.pk], SIMILAR, channel.pk, 10)

    assert ids(served[mug.pk]) == keys(learnt_cup, new_cup, old_cup, hammer)
    # All are of one product type, so even the hammer has something in common with the mug.
    assert [one.reason.kind for one in served[mug.pk]] == [ReasonCode.SIMILAR] * 4
    assert served[mug.pk][1].reason.text == f"Similar to {mug.name}"
    assert ids(for_products([mug.pk], SIMILAR, channel.pk, 2)[mug.pk]) == keys(learnt_cup, new_cup)


def test_the_whole_basket_counts(channel: Channel) -> None:
    tea, sugar, cup, milk, spoon = make_products(5)
    publish(together={tea: [cup, milk], sugar: [spoon, milk]})  # scores 1 and 1/2 each

    served = for_basket(keys(tea, sugar), channel.pk, 3)

    assert ids(served) == keys(cup, milk, spoon), "1, 1/2 + 1/2, 1; equal ones by id"
    assert [one.score for one in served] == [1, 1, 1]
    assert served[2].reason.product_ids == (sugar.pk,)


def test_nothing_of_the_basket_is_recommended(channel: Channel) -> None:
    tea, sugar, cup = make_products(3)
    publish(together={tea: [sugar, cup]}, popular={channel: [tea, sugar, cup]})

    assert ids(for_basket(keys(tea, sugar), channel.pk, 10)) == [cup.pk]
    assert ids(for_basket(keys(tea, sugar, cup), channel.pk, 10)) == []


def test_one_statement_whatever_is_asked(channel: Channel) -> None:
    products = make_products(12)
    profile = make_profile()
    publish(
        again={profile: products[:5]},
        together=dict.fromkeys(products, products[:4]),
        popular={channel: products},
    )
    calls: list[Callable[[], object]] = [
        lambda: for_customer(profile, channel.pk, 1),
        lambda: for_customer(profile, channel.pk, 100),
        lambda: for_customer(None, channel.pk, 100),
        lambda: for_products(keys(*products), TOGETHER, channel.pk, 100),
        lambda: for_products(keys(*products), SIMILAR, channel.pk, 100),
        lambda: for_basket(keys(*products[:3]), channel.pk, 100),
    ]
    for call in calls:
        with CaptureQueriesContext(connection) as queries:
            assert call()
        assert len(queries) == 1


def test_whatever_was_learnt_lists_are_full_of_different_things_on_sale(channel: Channel) -> None:
    """The promise as a whole, for shops and models thrown together at random."""
    products = make_products(14, category=make_category())
    profile = make_profile()
    for seed in range(25):
        dice = random.Random(seed)

        def some(dice: random.Random = dice) -> list[Product]:
            return dice.sample(products, dice.randint(0, 9))

        bought = some()
        publish(
            again={profile: bought},
            new={profile: [(one, dice.choice(products)) for one in some() if one not in bought]},
            together={one: [other for other in some() if other != one] for one in some()},
            similar={one: [other for other in some() if other != one] for one in some()},
            popular={channel: some()},
        )
        sold = set(some())
        ProductChannelListing.objects.update(is_published=False)
        ProductChannelListing.objects.filter(product__in=sold).update(is_published=True)
        first = dice.randint(1, 8)
        asked = some()

        lists: list[tuple[list[Recommendation], set[Product]]] = [
            (for_customer(profile, channel.pk, first, FOR_YOU), set()),
            (for_customer(profile, channel.pk, first, BUY_AGAIN), set()),
            (for_customer(profile, channel.pk, first, DISCOVER), set(bought)),
            (for_basket(keys(*asked), channel.pk, first), set(asked)),
        ]
        for kind in (TOGETHER, SIMILAR):
            served = for_products(keys(*asked), kind, channel.pk, first)
            lists += [(served[product.pk], {product}) for product in asked]
        for recommendations, kept_out in lists:
            allowed = {product.pk for product in sold - kept_out}
            assert set(ids(recommendations)) <= allowed
            assert len(set(ids(recommendations))) == len(recommendations) == min(first, len(allowed))


def test_it_is_not_compiled_to_machine_code(channel: Channel) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = on")
        for_customer(None, channel.pk, 10)
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
