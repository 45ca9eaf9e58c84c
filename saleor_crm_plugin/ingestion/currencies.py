"""How many decimals the money of a currency has, and what is left of an amount that has more."""

from __future__ import annotations

from decimal import Decimal

from saleor.core.prices import quantize_price


def currency_places(currency: str) -> int:
    """Decimals of a currency's smallest coin; two for a code that no country uses."""
    exponent = quantize_price(Decimal(1), currency).as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


def in_coins(amount: Decimal, currency: str) -> Decimal:
    """The amount as Saleor rounds it to compare what was paid with what is due; as many decimals are written."""
    return quantize_price(amount, currency).quantize(amount)
