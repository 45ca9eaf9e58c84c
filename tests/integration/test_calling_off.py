"""However an order was paid and is called off, everybody has what they had; half of it called off counts as half."""

from __future__ import annotations

import pytest
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.sync import sync_order
from tests.integration.calling_off import NAMING_GOODS, WAYS, Payment, pay
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.shop_life import OPENING, Action, Shop, balances, points_by_order

pytestmark = pytest.mark.django_db

POINTS = 1400
OWN_CARD = 7
RETURN, IN_PROPORTION = "return", "in proportion"


def buy(form: str, policy: str, own_card: int, payment: Payment) -> Order:
    """Two lines of 20 each: 14 in points, `own_card` by the customer's own gift card, the rest in money."""
    shop = Shop(redemption_form=form, spent_points_policy=policy)
    shop.variants = [shop.variants[1]] * 2
    shop.do(Action("buy", without=None, points=POINTS, card=own_card))
    order = Order.objects.get(pk=shop.orders[0])
    pay(order, payment)
    sync_order(order.pk)
    assert order.total_gross_amount == 40 - 14 - own_card
    assert points_by_order()[order.pk] == (40 - 14, POINTS)
    return order


@pytest.mark.parametrize(("policy", "own_card"), [(RETURN, OWN_CARD), (IN_PROPORTION, 0)])
@pytest.mark.parametrize("form", ["voucher", "gift card"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("payment", Payment)
def test_an_order_that_is_called_off_leaves_everybody_with_what_they_had(payment, way, form, policy, own_card):
    order = buy(form, policy, own_card, payment)
    WAYS[way](order, list(order.lines.all()))
    sync_order(order.pk)
    assert_ledger_adds_up()
    # The own gift card paid for goods of which nobody says that they came back.
    kept = 0 if way in NAMING_GOODS else own_card
    assert points_by_order()[order.pk] == (kept, 0)
    assert sorted(balances().values()) == [OPENING, OPENING + kept]


@pytest.mark.parametrize(
    ("form", "policy", "spent"),
    [("voucher", RETURN, POINTS), ("voucher", IN_PROPORTION, POINTS // 2), ("gift card", IN_PROPORTION, POINTS // 2)],
)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("payment", Payment)
def test_half_of_it_called_off_counts_as_half(payment, way, form, policy, spent):
    order = buy(form, policy, 0, payment)
    WAYS[way](order, list(order.lines.all())[:1])
    sync_order(order.pk)
    assert_ledger_adds_up()
    assert points_by_order()[order.pk] == (13, spent)
