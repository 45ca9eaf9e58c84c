"""Ann's data was erased, and she still has her account."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from tests.graphql.profiles.feedback.requests import create, refusal, update

pytestmark = pytest.mark.django_db


def erase(user, level: ErasureLevel) -> None:
    erase_customer(CustomerProfile.objects.get(user=user).pk, level, SYSTEM)


def test_after_a_deletion_nothing_is_stored(as_ann, sent, order_id):
    erase(sent.ann, ErasureLevel.DELETE)
    assert refusal(create(as_ann, order_id, score=9, comment="Fine")) == ("orderId", "NOT_APPLICABLE")
    assert refusal(update(as_ann, order_id, score=9)) == ("orderId", "NOT_FOUND")
    assert not OrderFeedback.objects.exists()


def test_nor_said_of_what_somebody_else_has_said(as_ann, sent, order_id):
    other = CustomerProfile.objects.create()
    OrderFeedback.objects.create(order_id=sent.first.pk, profile=other, channel_id=1, created_at=sent.first.created_at)
    erase(sent.ann, ErasureLevel.DELETE)
    for answer in (create(as_ann, order_id, score=9), update(as_ann, order_id, score=9)):
        assert refusal(answer) == ("orderId", "NOT_APPLICABLE")
    assert OrderFeedback.objects.get().profile == other


@pytest.mark.parametrize("level", [ErasureLevel.STOP, ErasureLevel.ANONYMISE])
def test_who_is_still_known_can_rate(as_ann, sent, order_id, level):
    erase(sent.ann, level)
    assert create(as_ann, order_id, score=9)["errors"] == []
