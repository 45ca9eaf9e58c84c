from decimal import Decimal
from typing import TypeVar

from babel.numbers import get_currency_precision
from prices import Money, TaxedMoney

PriceType = TypeVar("PriceType", TaxedMoney, Money, Decimal)


def quantize_price(price: PriceType, currency: str) -> PriceType:
    """Round to the smallest unit that the currency has."""
    return price.quantize(Decimal(10) ** -get_currency_precision(currency))
