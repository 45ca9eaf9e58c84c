"""What points cards took off orders, as loyalty sees it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest

from saleor_crm_plugin.ingestion.loyalty_facts import facts_of
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.settings import ShopSettings
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
