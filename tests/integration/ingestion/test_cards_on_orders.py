"""What points cards took off orders, as loyalty sees it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest

from saleor_crm_plugin.ingestion.loyalty_facts import facts_of
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.ingestion.snapshots import OrderSnapshot
from saleor_crm_plugin.loyalty.accounts import default_program_id
from tests.devshop.factories import make_order

CARD = 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lowered_by", "by_transaction", "expected"),
    [
        # Saleor emptied a card that did not lower the total any more.
        (0, frozenset(), 0),
        (10, frozenset(), 10),
        # Through a transaction, from 3.23: the total stays.
        (0, frozenset({CARD}), 10),
        (0, frozenset({8}), 0),
    ],
)
def test_what_a_card_paid(lowered_by, by_transaction, expected):
    order = make_order(email="ann@example.com")
    snapshot = read_orders([order.pk])[order.pk]
    snapshot = replace(
        snapshot,
        total_gross=snapshot.total_gross - lowered_by,
        paid_by_card={CARD: D(10)},
        charged_cards=by_transaction,
    )
    (facts,) = facts_of([snapshot], {}, ShopSettings(), default_program_id(), "default", named=None)
    assert facts.carried == {CARD: expected}


def an_order(**changes) -> OrderSnapshot:
    """Over 10."""
    order = make_order(email="ann@example.com")
    return replace(read_orders([order.pk])[order.pk], **changes)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0),
        ({"total_gross": D(4)}, 6),
        ({"total_gross": D(4), "paid_by_card": {CARD: D(2)}}, 6),
        # Which an app that computes taxes may leave.
        ({"total_gross": D("9.90")}, 0),
        ({"total_gross": D("3.95"), "paid_by_card": {CARD: D(6)}}, 6),
        # Imported, or put together by staff.
        ({"total_gross": D(4), "origin": "bulk_create"}, 0),
        ({"total_gross": D(4), "origin": "draft"}, 0),
    ],
)
def test_deleted_cards_are_known_by_what_is_not_in_the_total(changes, expected):
    assert an_order(**changes).gift_cards == expected


@pytest.mark.django_db
def test_deleted_cards_are_known_by_their_transactions():
    order = make_order(email="ann@example.com", paid=False)
    for gateway, charged in (("saleor.io.gift-card-payment-gateway", 6), ("cards", 4)):
        item = order.payment_transactions.create(
            currency="USD", charged_value=charged - 1, refunded_value=1, app_identifier=gateway
        )
        item.events.create(type="charge_success", amount_value=charged, currency="USD", include_in_calculations=True)
    snapshot = read_orders([order.pk])[order.pk]
    assert (snapshot.gift_cards, snapshot.refunded) == (6, 2)
    for known in ({CARD: D(6)}, {CARD: D(4)}):
        assert replace(snapshot, paid_by_card=known, charged_cards=frozenset({CARD})).gift_cards == 6
