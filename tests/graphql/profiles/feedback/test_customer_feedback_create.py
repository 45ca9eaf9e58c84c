"""`customerFeedbackCreate`: who may rate what, once, and what it is worth."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.profiles.feedback.models import TEXT_MAX_LENGTH, OrderFeedback, ProductReview
from tests.devshop.factories import (
    add_variant,
    approve_fulfillment,
    cancel_order,
    fulfill_order,
    make_customer,
    make_order,
    pack_goods,
)
from tests.devshop.flows import delete_customer, hand_over_orders
from tests.graphql.client import Api, global_id
from tests.graphql.profiles.feedback.conftest import MAY
from tests.graphql.profiles.feedback.requests import CREATE, create, refusal
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db


def test_an_order_and_its_products(as_ann, order_id, line_id):
    said = create(
        as_ann, order_id, score=9, comment=" Came quickly. ", products=[{"orderLineId": line_id, "rating": 4}]
    )
    assert said["errors"] == []
    assert said["feedback"] == {
        "score": 9,
        "comment": "Came quickly.",
        "createdAt": MAY.isoformat(),
        "editedAt": None,
        "editableUntil": (MAY + timedelta(days=14)).isoformat(),
        "order": {"id": order_id},
        "customer": {"email": "ann@example.com"},
        "reviews": [
            {
                "rating": 4,
                "comment": "",
                "state": "APPROVED",
                "orderLineId": line_id,
                "createdAt": MAY.isoformat(),
                "editedAt": None,
            }
        ],
    }


def test_a_text_waits_for_staff_unless_the_shop_says_otherwise(as_ann, order_id, line_id, sent):
    review = {"orderLineId": line_id, "rating": 5, "comment": "Crisp!"}
    assert create(as_ann, order_id, products=[review])["feedback"]["reviews"][0]["state"] == "PENDING"
    OrderFeedback.objects.all().delete()
    crm_settings(reviews_moderated=False)
    assert create(as_ann, order_id, products=[review])["feedback"]["reviews"][0]["state"] == "APPROVED"


def test_what_was_left_out_can_follow_and_nothing_is_said_twice(as_ann, order_id, line_id):
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 3}])
    at = MAY + timedelta(days=100)
    later = create(as_ann, order_id, score=0, at=at)["feedback"]
    assert (later["score"], len(later["reviews"])) == (0, 1)
    assert (later["createdAt"], later["editableUntil"]) == (MAY.isoformat(), (at + timedelta(days=14)).isoformat())
    assert refusal(create(as_ann, order_id, score=10)) == ("score", "UNIQUE")
    again = create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 1}])
    assert refusal(again) == ("orderLineId", "UNIQUE")
    assert (OrderFeedback.objects.get().score, ProductReview.objects.get().rating) == (0, 3)


def test_a_text_can_follow_the_score_once(as_ann, order_id):
    create(as_ann, order_id, score=9)
    later = create(as_ann, order_id, comment=" Came quickly. ", at=MAY + timedelta(days=20))
    assert later["errors"] == []
    said = later["feedback"]
    assert (said["score"], said["comment"], said["editedAt"]) == (9, "Came quickly.", None)
    # It belongs to the score, which could be changed until then.
    assert said["editableUntil"] == (MAY + timedelta(days=14)).isoformat()
    assert refusal(create(as_ann, order_id, comment="And fresh.")) == ("comment", "UNIQUE")
    assert OrderFeedback.objects.get().comment == "Came quickly."


def test_a_text_does_not_go_before_the_score(as_ann, order_id, line_id):
    rating = [{"orderLineId": line_id, "rating": 3}]
    assert refusal(create(as_ann, order_id, comment="Late", products=rating)) == ("score", "REQUIRED")
    assert not OrderFeedback.objects.exists()
    assert create(as_ann, order_id, comment=" ", products=rating)["feedback"]["comment"] == ""
    assert refusal(create(as_ann, order_id, comment="Late")) == ("score", "REQUIRED")
    assert create(as_ann, order_id, score=3, comment="Late")["feedback"]["comment"] == "Late"


def test_nothing_is_half_written(as_ann, order_id, line_id, sent):
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 3}])
    assert refusal(create(as_ann, order_id, score=8, products=[{"orderLineId": line_id, "rating": 4}]))[1] == "UNIQUE"
    assert OrderFeedback.objects.get().score is None


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({}, ("score", "REQUIRED")),
        ({"comment": "Hello"}, ("score", "REQUIRED")),
        ({"comment": " "}, ("score", "REQUIRED")),
        ({"score": 11}, ("score", "INVALID")),
        ({"score": -1}, ("score", "INVALID")),
        ({"score": 5, "comment": "x" * (TEXT_MAX_LENGTH + 1)}, ("comment", "INVALID")),
        ({"score": 5, "comment": "a\0b"}, ("comment", "INVALID")),
        ({"products": [{"rating": 6}]}, ("rating", "INVALID")),
        ({"products": [{"rating": 0}]}, ("rating", "INVALID")),
        ({"products": [{}]}, ("rating", "REQUIRED")),
        ({"products": [{"rating": 5, "comment": "a\0b"}]}, ("comment", "INVALID")),
        ({"products": [{"rating": 5}, {"rating": 5}]}, ("orderLineId", "INVALID")),
        ({"products": [{"rating": 5, "orderLineId": "Order:1"}]}, ("orderLineId", "GRAPHQL_ERROR")),
        (
            {"products": [{"rating": 5, "orderLineId": global_id("OrderLine", uuid4())}]},
            ("orderLineId", "NOT_FOUND"),
        ),
    ],
)
def test_bad_input(as_ann, order_id, line_id, said, refused):
    if "products" in said:
        said = {**said, "products": [{"orderLineId": line_id, **product} for product in said["products"]]}
    assert refusal(create(as_ann, order_id, **said)) == refused
    assert not OrderFeedback.objects.exists()


def test_only_what_was_sent_can_be_rated(as_ann, sent, line_id):
    second = global_id("Order", sent.second.pk)
    assert refusal(create(as_ann, second, score=9)) == ("orderId", "NOT_APPLICABLE")
    line_of_second = global_id("OrderLine", sent.second.lines.get().pk)
    both = [{"orderLineId": line_of_second, "rating": 5}]
    assert refusal(create(as_ann, global_id("Order", sent.first.pk), products=both)) == ("orderLineId", "NOT_FOUND")
    cancel_order(sent.second)
    assert refusal(create(as_ann, second, score=9)) == ("orderId", "NOT_APPLICABLE")


def test_a_product_that_is_gone_cannot_be_rated(as_ann, order_id, line_id, sent):
    sent.first.lines.update(variant=None)
    said = create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 5}])
    assert refusal(said) == ("orderLineId", "NOT_FOUND")
    assert create(as_ann, order_id, score=5)["errors"] == []


def test_it_can_be_rated_for_as_long_as_the_shop_says(as_ann, order_id, sent):
    crm_settings(feedback_days="30")
    late = MAY + timedelta(days=30, seconds=1)
    assert refusal(create(as_ann, order_id, score=9, at=late)) == ("orderId", "NOT_APPLICABLE")
    assert create(as_ann, order_id, score=9, at=MAY + timedelta(days=30))["errors"] == []


def test_goods_that_waited_for_approval_can_be_rated_from_then_on(as_ann, shop):
    crm_settings(feedback_days="30")
    second = global_id("Order", shop.second.pk)
    packed = pack_goods(shop.second.lines.get(), 1, at=MAY)
    assert refusal(create(as_ann, second, score=9)) == ("orderId", "NOT_APPLICABLE")

    approve_fulfillment(packed, at=MAY + timedelta(days=7))
    late = MAY + timedelta(days=37, seconds=1)
    assert refusal(create(as_ann, second, score=9, at=late)) == ("orderId", "NOT_APPLICABLE")
    assert create(as_ann, second, score=9, at=MAY + timedelta(days=37))["errors"] == []


def test_what_comes_back_later_does_not_open_it_again(as_ann, order_id, line_id, sent):
    crm_settings(feedback_days="30")
    rating = [{"orderLineId": line_id, "rating": 2}]
    returned = sent.first.fulfillments.create(status="returned")
    returned.lines.create(order_line=sent.first.lines.get(), quantity=1)
    sent.first.fulfillments.filter(pk=returned.pk).update(created_at=MAY + timedelta(days=25))
    late = MAY + timedelta(days=30, seconds=1)
    assert refusal(create(as_ann, order_id, products=rating, at=late)) == ("orderId", "NOT_APPLICABLE")
    # All of it came back: Saleor keeps no other trace of when it was sent.
    sent.first.fulfillments.filter(status="fulfilled").delete()
    assert create(as_ann, order_id, products=rating, at=late)["errors"] == []


def test_whose_order_it_is_not(as_ben, order_id, sent):
    assert refusal(create(as_ben, order_id, score=9)) == ("orderId", "NOT_FOUND")
    assert refusal(create(as_ben, global_id("Order", uuid4()), score=9)) == ("orderId", "NOT_FOUND")
    assert refusal(create(as_ben, global_id("Order", sent.of_guest.pk), score=9)) == ("orderId", "NOT_FOUND")


def test_only_a_customer_can(anonymous, app_with, order_id):
    for api in (anonymous, app_with("MANAGE_USERS", "MANAGE_ORDERS", "MANAGE_PRODUCTS")):
        assert api.denied(CREATE, order=order_id, score=9) == {"AUTHENTICATED_USER"}


class TestPoints:
    @pytest.fixture(autouse=True)
    def rule(self, shop):
        definition = RuleDefinition(
            Trigger.FEEDBACK, Effect.FIXED_POINTS, Decimal(25), limits=Limits(uses_per_customer=2)
        )
        return create_rule(default_program_id(), "Thank you", RuleStatus.LIVE, definition, SYSTEM)

    def given(self) -> list[tuple[int, str]]:
        return list(PointsTransaction.objects.filter(type="earn_action").values_list("points", "reason"))

    def test_once_for_an_order(self, as_ann, order_id, line_id, in_2027):
        create(as_ann, order_id, score=3, at=in_2027)
        create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 3}], at=in_2027)
        assert self.given() == [(25, "Thank you")]

    def test_once_whoever_has_the_order(self, as_ann, order_id, line_id, sent, in_2027):
        """Ann deletes her account and registers again with the same address: the order is hers again."""
        create(as_ann, order_id, score=3, at=in_2027)
        delete_customer(sent.ann)
        ann = make_customer("ann@example.com")
        hand_over_orders(ann)
        said = create(Api(ann), order_id, products=[{"orderLineId": line_id, "rating": 3}], at=in_2027)
        assert said["errors"] == []
        assert self.given() == [(25, "Thank you")]

    def test_a_rule_that_was_not_in_force_at_the_first_answer_gives_none(self, as_ann, order_id, line_id, in_2027):
        create(as_ann, order_id, score=3, at=MAY)
        create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 3}], at=in_2027)
        assert self.given() == []

    def test_a_refused_answer_gives_none(self, as_ann, order_id, in_2027):
        create(as_ann, order_id, score=12, at=in_2027)
        assert self.given() == []

    def test_within_the_limits_of_the_rule(self, as_ann, sent, in_2027):
        for _ in range(3):
            order = make_order(sent.ann, channel=sent.channel, lines=[(sent.apple, 1)])
            send(order, in_2027)
            assert create(as_ann, global_id("Order", order.pk), score=8, at=in_2027)["errors"] == []
        assert self.given() == [(25, "Thank you")] * 2

    def test_staff_get_none(self, sent, in_2027):
        sent.ann.is_staff = True
        sent.ann.save()
        assert create(Api(sent.ann), global_id("Order", sent.first.pk), score=8, at=in_2027)["errors"] == []
        assert self.given() == []


@pytest.fixture
def in_2027(sent):
    """After the rule was made, with the order sent a day before."""
    at = MAY.replace(year=2027)
    sent.first.fulfillments.update(created_at=at - timedelta(days=1))
    return at


def send(order, at) -> None:
    fulfill_order(order)
    order.fulfillments.update(created_at=at - timedelta(days=1))


def test_the_lines_of_several_fulfilments(as_ann, sent):
    add_variant(sent.pear, 1, sent.channel, stock=None)
    order = make_order(sent.ann, channel=sent.channel, lines=[(sent.apple, 2), (sent.pear, 1)])
    apple, pear = order.lines.order_by("unit_price_gross_amount")
    fulfill_order(order, [(apple, 1)])
    order.fulfillments.update(created_at=MAY)
    ids = {"apple": global_id("OrderLine", apple.pk), "pear": global_id("OrderLine", pear.pk)}
    order_id = global_id("Order", order.pk)
    not_sent = create(as_ann, order_id, products=[{"orderLineId": ids["pear"], "rating": 5}])
    assert refusal(not_sent) == ("orderLineId", "NOT_FOUND")
    assert create(as_ann, order_id, products=[{"orderLineId": ids["apple"], "rating": 5}])["errors"] == []
