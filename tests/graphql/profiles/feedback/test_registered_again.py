"""Ann deletes her account and registers again; Saleor gives her first order to the new account."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from tests.devshop.factories import delete_customer, make_customer
from tests.devshop.flows import hand_over_orders
from tests.graphql.client import Api
from tests.graphql.profiles.feedback.requests import create, refusal, update

pytestmark = pytest.mark.django_db


def delete(user) -> None:
    user_id = user.pk
    delete_customer(user)
    sync_customer(user_id)


def registered_again(user) -> Api:
    delete(user)
    again = make_customer("ann@example.com")
    hand_over_orders(again)
    sync_customer(again.pk)
    return Api(again)


def test_what_she_writes_now_is_hers(as_ann, sent, order_id, line_id):
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 4, "comment": "Crisp"}])
    api = registered_again(sent.ann)
    assert create(api, order_id, score=3, comment="Late")["feedback"]["customer"] == {"email": "ann@example.com"}
    changed = update(api, order_id, products=[{"orderLineId": line_id, "comment": "Sweet"}])["feedback"]
    assert (changed["comment"], changed["reviews"][0]["comment"]) == ("Late", "Sweet")
    delete(api.user)
    assert (OrderFeedback.objects.get().comment, ProductReview.objects.get().comment) == ("", "")


def test_what_she_has_said_before_can_be_changed(as_ann, sent, order_id):
    create(as_ann, order_id, score=9)
    api = registered_again(sent.ann)
    assert refusal(create(api, order_id, score=3)) == ("score", "UNIQUE")
    assert update(api, order_id, score=3)["feedback"]["score"] == 3
    assert OrderFeedback.objects.get().profile.user == api.user
