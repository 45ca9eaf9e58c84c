"""How many points fit on a checkout, and what they are worth."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.loyalty.redemption import Limit, Quote, quote

CENT = LoyaltySettings(point_value=D("0.01"))


@pytest.mark.parametrize(
    ("requested", "spendable", "subtotal", "settings", "places", "expected"),
    [
        (500, 900, "50", CENT, 2, Quote(500, D("5.00"))),
        (500, 300, "50", CENT, 2, Quote(300, D("3.00"), Limit.BALANCE)),
        (9000, 9000, "50", CENT, 2, Quote(5000, D("50.00"), Limit.CHECKOUT_TOTAL)),
        (
            9000,
            9000,
            "50",
            LoyaltySettings(point_value=D("0.01"), maximum_share_percent=D(30)),
            2,
            Quote(1500, D("15.00"), Limit.SHARE),
        ),
        # A yen has no smaller coin: 7 points of half a yen buy 3 yen, which 6 points do too.
        (7, 900, "1000", LoyaltySettings(point_value=D("0.5")), 0, Quote(6, D(3), Limit.ROUNDING)),
        (1, 900, "1000", LoyaltySettings(point_value=D("0.5")), 0, Quote(0, D(0), Limit.ROUNDING)),
        (100, 900, "50", LoyaltySettings(), 2, Quote(0, D(0))),
        (0, 900, "50", CENT, 2, Quote(0, D(0))),
    ],
)
def test_quote(requested, spendable, subtotal, settings, places, expected):
    assert quote(requested, spendable, D(subtotal), settings, places) == expected


@given(
    st.integers(1, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 10**5),
    st.integers(0, 100),
    st.sampled_from([0, 2, 3]),
)
def test_a_quote_never_gives_money_away(requested, spendable, cents, value, share, places):
    settings = LoyaltySettings(point_value=D(value) / 10**4, maximum_share_percent=D(share))
    subtotal = D(cents) / 100
    offer = quote(requested, spendable, subtotal, settings, places)
    assert 0 <= offer.points <= min(requested, spendable)
    assert offer.amount <= offer.points * settings.point_value
    assert offer.amount <= subtotal * share / 100
    assert (offer.limit is None) == (offer.points == requested)
