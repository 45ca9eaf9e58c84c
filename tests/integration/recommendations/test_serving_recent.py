"""What was bought after the model had learnt counts at once, and when a customer is expected to buy again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.order.models import Order, OrderLine
from saleor.product.models import Product

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.models import PersonalRecommendations, ProductAffinity, RecommendationModel
from saleor_crm_plugin.recommendations.reasons import ReasonCode, Recommendation
from saleor_crm_plugin.recommendations.serving import Asked, Scope, serve
from tests.integration.recommendations.shop import buy, make_products, make_profile, publish
from tests.recommending import for_customer

pytestmark = pytest.mark.django_db

Kind = RecommendationKind
TRAINED_HOURS_AGO = 12
JUST_NOW = 1 / 24


def trained() -> datetime:
    return timezone.now() - timedelta(hours=TRAINED_HOURS_AGO)


def ids(recommendations: list[Recommendation]) -> list[int]:
    return [one.product_id for one in recommendations]


def keys(*products: Product) -> list[int]:
    return [product.pk for product in products]


def test_what_was_just_bought_goes_to_the_end_of_what_to_buy(channel: Channel) -> None:
    tea, sugar, cup = make_products(3)
    ann = make_profile()
    publish(again={ann: [tea, sugar, cup]}, data_until=trained())
    buy(ann, tea, days_ago=JUST_NOW)

    assert ids(for_customer(ann, channel.pk, 3, Kind.FOR_YOU)) == keys(sugar, cup, tea)
    assert ids(for_customer(ann, channel.pk, 3, Kind.BUY_AGAIN)) == keys(sugar, cup, tea)


def test_what_was_just_bought_brings_in_what_goes_with_it(channel: Channel) -> None:
    tea, sugar, cup, milk, spoon = make_products(5)
    ann = make_profile()
    publish(again={ann: [sugar, cup, milk]}, together={tea: [spoon, sugar]}, data_until=trained())
    buy(ann, tea, days_ago=JUST_NOW)

    served = for_customer(ann, channel.pk, 5, Kind.FOR_YOU)

    # Sugar goes with tea as well, and stays where it was.
    assert ids(served) == keys(sugar, cup, milk, spoon, tea)
    assert served[3].reason.text == f"Because you have just bought {tea.name}"
    assert served[3].reason.kind is ReasonCode.BOUGHT_TOGETHER
    assert served[3].reason.product_ids == (tea.pk,)


@pytest.mark.parametrize("kind", [Kind.FOR_YOU, Kind.DISCOVER])
def test_what_goes_with_it_takes_every_fourth_place(channel: Channel, kind: Kind) -> None:
    tea, *own = make_products(19)
    own, spices = own[:12], own[12:]
    ann = make_profile()
    # As training mixes them: few discoveries, far apart, among much that was bought before.
    bought = make_products(24) if kind is Kind.DISCOVER else []
    publish(
        again={ann: own if kind is Kind.FOR_YOU else bought},
        new={ann: [(one, tea) for one in own]} if kind is Kind.DISCOVER else None,
        together={tea: spices},
        data_until=trained(),
    )
    buy(ann, tea, days_ago=JUST_NOW)

    served = for_customer(ann, channel.pk, 12, kind)

    places = [place for place, one in enumerate(served, 1) if one.product_id in keys(*spices)]
    assert places == [4, 8, 12]


def test_the_first_order_of_a_customer_counts_at_once(channel: Channel) -> None:
    tea, sugar, cup = make_products(3)
    ann = make_profile()
    publish(together={tea: [cup]}, popular={channel: [sugar, tea]}, data_until=trained())
    buy(ann, tea, days_ago=JUST_NOW)

    assert ids(for_customer(ann, channel.pk, 3, Kind.FOR_YOU)) == keys(cup, sugar, tea)
    assert ids(for_customer(ann, channel.pk, 3, Kind.DISCOVER)) == keys(cup, sugar)
    again = for_customer(ann, channel.pk, 1, Kind.BUY_AGAIN)
    assert (ids(again), again[0].reason.text) == (keys(tea), "You have bought this before")


def test_no_discovery_was_just_bought(channel: Channel) -> None:
    tea, sugar, cup, milk = make_products(4)
    ann = make_profile()
    publish(again={ann: [tea]}, new={ann: [(sugar, tea), (cup, tea)]}, data_until=trained())
    buy(ann, sugar, days_ago=JUST_NOW)

    assert ids(for_customer(ann, channel.pk, 9, Kind.DISCOVER)) == keys(cup, milk)


def test_orders_that_do_not_count_that_were_learnt_or_that_others_placed_change_nothing(channel: Channel) -> None:
    tea, sugar = make_products(2)
    ann, ben = make_profile(), make_profile()
    publish(again={ann: [tea, sugar]}, data_until=trained())
    buy(ann, tea, days_ago=JUST_NOW, counts=False)
    buy(ann, tea, days_ago=3)
    buy(ben, tea, days_ago=JUST_NOW)
    gift = buy(ann, tea, days_ago=JUST_NOW)
    OrderLine.objects.filter(order=gift).update(is_gift=True)

    assert ids(for_customer(ann, channel.pk, 2)) == keys(tea, sugar)


def test_an_order_that_staff_have_yet_to_confirm_counts_as_one_of_the_last_minutes(channel: Channel) -> None:
    tea, sugar = make_products(2)
    ann = make_profile()
    publish(again={ann: [tea, sugar]}, data_until=trained())
    order = buy(ann, tea, days_ago=JUST_NOW, counts=False, status="unconfirmed")
    assert ids(for_customer(ann, channel.pk, 2)) == keys(sugar, tea)

    Order.objects.filter(pk=order.pk).update(status="canceled")
    assert ids(for_customer(ann, channel.pk, 2)) == keys(tea, sugar)


def test_an_order_that_is_confirmed_only_after_the_training_counts_meanwhile(channel: Channel) -> None:
    tea, sugar, cup, milk = make_products(4)
    ann = make_profile()
    publish(again={ann: [tea, sugar]}, new={ann: [(cup, tea)]}, together={cup: [milk]}, data_until=trained())
    # Placed before the training, which passed it over.
    buy(ann, tea, cup, days_ago=3, counts=False, status="unconfirmed")

    assert ids(for_customer(ann, channel.pk, 4)) == keys(sugar, milk, tea, cup)
    assert ids(for_customer(ann, channel.pk, 1, Kind.DISCOVER)) == keys(milk)


def test_without_any_model_the_own_orders_are_all_there_is(channel: Channel) -> None:
    tea, sugar, cup = make_products(3)
    ann = make_profile()
    buy(ann, tea, days_ago=90)
    buy(ann, sugar, days_ago=30)
    buy(ann, sugar, days_ago=20)

    served = for_customer(ann, channel.pk, 3, Kind.BUY_AGAIN)

    assert ids(served) == keys(sugar, tea, cup)
    assert served[0].reason.text == "You have bought this 2 times"
    assert ids(for_customer(ann, channel.pk, 3, Kind.DISCOVER)) == keys(cup)


def test_what_is_due_and_when(channel: Channel) -> None:
    soon, later, overdue, unknown, long_gone = make_products(5)
    ann = make_profile()
    until = trained()
    publish(
        again={ann: [later, soon, overdue, unknown, long_gone]},
        due={soon: (2.0, 20.0), later: (12.0, 20.0), overdue: (-5.0, 20.0), long_gone: (-30.0, 20.0)},
        data_until=until,
    )

    served = for_customer(ann, channel.pk, 5, Kind.BUY_AGAIN)

    assert ids(served) == keys(soon, overdue, unknown, long_gone, later), "what is not due yet comes last"
    assert [one.reason.text for one in served] == [
        "Due about now: you buy it every 20 days",
        "Due about now: you buy it every 20 days",
        "You have bought this 2 times",
        "You buy it every 20 days",
        "You buy it every 20 days",
    ]
    assert [one.reason.expected_at for one in served] == [
        until + timedelta(days=2),
        until - timedelta(days=5),
        None,
        until - timedelta(days=30),
        until + timedelta(days=12),
    ]


def test_a_purchase_moves_the_date(channel: Channel) -> None:
    tea, milk = make_products(2)
    ann = make_profile()
    publish(
        again={ann: [tea, milk]},
        due={tea: (0.0, 30.0), milk: (0.0, 1.0)},
        data_until=timezone.now() - timedelta(days=20),
    )
    bought_at = buy(ann, tea, milk, days_ago=10).created_at

    served = for_customer(ann, channel.pk, 2, Kind.FOR_YOU)

    # Milk, bought ten days ago and needed each day, is due again; the training was long ago.
    assert ids(served) == keys(milk, tea)
    assert [one.reason.expected_at for one in served] == [
        bought_at + timedelta(days=1),
        bought_at + timedelta(days=30),
    ]


@pytest.mark.parametrize("days", [float("inf"), -float("inf"), float("nan"), 1e30, -1e30])
def test_days_that_cannot_be_are_not_known(channel: Channel, days: float) -> None:
    (tea,) = make_products(1)
    ann = make_profile()
    publish(again={ann: [tea]}, due={tea: (days, days)}, data_until=trained())
    buy(ann, tea, days_ago=JUST_NOW)

    for kind in Kind:
        assert [one.reason.expected_at for one in for_customer(ann, channel.pk, 9, kind)] in ([None], [])


def test_lists_of_a_model_from_before_the_dates_are_served(channel: Channel) -> None:
    (tea,) = make_products(1)
    ann = make_profile()
    publish(again={ann: [tea]})
    PersonalRecommendations.objects.update(due_days=[], rhythm_days=[])
    RecommendationModel.objects.update(data_until=None)

    (served,) = for_customer(ann, channel.pk, 1, Kind.BUY_AGAIN)

    assert (served.product_id, served.reason.text) == (tea.pk, "You have bought this 2 times")


def test_a_cart_and_its_owner(channel: Channel) -> None:
    tea, sugar, cup, milk, spoon = make_products(5)
    ann = make_profile()
    # Scores: 1, 1/2, 1/3 each.
    publish(
        again={ann: [milk, sugar]},
        new={ann: [(spoon, milk)]},
        together={tea: [cup, sugar, spoon]},
        data_until=trained(),
    )

    def for_cart(profile: int | None, kind: Kind) -> list[Recommendation]:
        return serve([Asked(profile, (tea.pk,))], Scope(channel.pk, kind, first=4))[0]

    served = for_cart(ann, Kind.FOR_YOU)
    assert ids(served) == keys(sugar, cup, milk, spoon)
    assert [round(one.score, 3) for one in served] == [1.0, 1.0, 1.0, 0.337], "discoveries stand behind the basket"
    assert ids(for_cart(None, Kind.FOR_YOU))[:3] == keys(cup, sugar, spoon)
    assert ids(for_cart(ann, Kind.DISCOVER)) == keys(cup, spoon), "sugar and milk were bought before"

    RecommendationModel.objects.update(parameters={"basket_own": 0.1})
    served = for_cart(ann, Kind.FOR_YOU)
    assert ids(served) == keys(cup, sugar, spoon, milk), "own history weighs what the training found"
    assert [round(one.score, 3) for one in served] == [1.0, 0.55, 0.334, 0.1]

    buy(ann, milk, days_ago=JUST_NOW)
    assert milk.pk not in ids(for_cart(ann, Kind.FOR_YOU))[:3], "milk was just bought"


def test_beside_a_basket_it_counts_how_much_was_bought_not_how_it_compares(channel: Channel) -> None:
    tea, sugar, cup, milk, spoon = make_products(5)
    ann, ben = make_profile(), make_profile()
    publish(
        again={ann: [milk, sugar], ben: [milk]},
        new={ann: [(spoon, milk)]},
        amounts={milk: 12.0, sugar: 0.25},
        together={tea: [cup, sugar]},
        data_until=trained(),
    )
    RecommendationModel.objects.update(parameters={"basket_own": 0.1})
    served = serve([Asked(ann, (tea.pk,))], Scope(channel.pk, Kind.FOR_YOU, first=4))[0]
    assert ids(served) == keys(milk, cup, sugar, spoon)
    assert [round(one.score, 6) for one in served] == [1.2, 1.0, 0.525, round(0.1 * 0.01 / 3, 6)]


@pytest.mark.parametrize("kind", [Kind.FOR_YOU, Kind.DISCOVER])
def test_where_the_own_history_weighs_nothing_bestsellers_follow_the_cart(channel: Channel, kind: Kind) -> None:
    milk, spoon, tea, cup, jug = make_products(5)
    ann = make_profile()
    publish(
        again={ann: [milk]},
        new={ann: [(spoon, milk), (cup, milk)]},
        together={tea: [cup]},
        popular={channel: [jug]},
        data_until=trained(),
    )
    RecommendationModel.objects.update(parameters={"basket_own": 0.0})

    served = serve([Asked(ann, (tea.pk,))], Scope(channel.pk, kind, first=2))[0]

    assert ids(served) == keys(cup, jug)
    assert [one.reason.kind for one in served] == [ReasonCode.BOUGHT_TOGETHER, ReasonCode.POPULAR]


def test_people_with_and_without_carts_in_one_statement(channel: Channel) -> None:
    tea, sugar, cup, milk = make_products(4)
    ann, ben = make_profile(), make_profile()
    publish(again={ann: [milk], ben: [cup]}, together={tea: [sugar], milk: [tea]}, data_until=trained())
    buy(ben, milk, days_ago=JUST_NOW)
    asked = [Asked(ann), Asked(ann, (tea.pk,)), Asked(None, (tea.pk,)), Asked(), Asked(ben), Asked(ben, (milk.pk,))]
    scope = Scope(channel.pk, first=4)

    alone = [serve([one], scope)[0] for one in asked]
    with CaptureQueriesContext(connection) as queries:
        together = serve(asked, scope)

    assert together == alone
    assert len(queries) == 1


def test_what_is_bought_instead_speaks_against_a_product(channel: Channel) -> None:
    tea, milk, cup, spoon, jug = make_products(5)
    publish(together={tea: [cup, spoon], milk: [spoon, jug]}, data_until=trained())
    ProductAffinity.objects.filter(product_id=tea.pk).update(scores=[0.3, -0.5])
    ProductAffinity.objects.filter(product_id=milk.pk).update(scores=[0.4, 0.2])

    def reasons(*basket: Product) -> dict[int, ReasonCode]:
        scope = Scope(channel.pk, Kind.FREQUENTLY_BOUGHT_TOGETHER, first=3)
        return {one.product_id: one.reason.kind for one in serve([Asked(None, keys(*basket))], scope)[0]}

    together = ReasonCode.BOUGHT_TOGETHER
    assert [key for key, code in reasons(milk).items() if code == together] == keys(spoon, jug)
    assert [key for key, code in reasons(tea).items() if code == together] == keys(cup)
    assert [key for key, code in reasons(tea, milk).items() if code == together] == keys(cup, jug)
