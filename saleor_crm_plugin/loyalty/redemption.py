"""How many points a checkout can take, and what they are worth. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from enum import StrEnum

from saleor_crm_plugin.config import LoyaltySettings

# Of the codes of vouchers that carry points.
CODE_PREFIX = "LP-"


class Limit(StrEnum):
    """What kept the points below what was asked for."""

    BALANCE = "balance"
    SHARE = "share"
    CHECKOUT_TOTAL = "checkout_total"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Quote:
    """Points that can be applied, their worth in the checkout's currency, and why they are fewer than asked for."""

    points: int
    amount: Decimal
    limit: Limit | None = None


NOTHING = Quote(points=0, amount=Decimal(0))


def worth(points: int, point_value: Decimal, places: int) -> Decimal:
    """What points take off a price: rounded down to the smallest coin of a currency with so many decimal places."""
    return (points * point_value).quantize(_coin(places), rounding=ROUND_DOWN)


def quote(
    requested: int,
    spendable: int,
    subtotal: Decimal,
    settings: LoyaltySettings,
    places: int,
    left_to_pay: Decimal | None = None,
) -> Quote:
    """Points to apply to a checkout.

    Args:
        requested: points asked for.
        spendable: points that the account can spend, including those that this checkout holds already.
        subtotal: price of the checkout's lines before points, in its currency.
        places: decimal places of the currency: 2 for USD, 0 for JPY.
        left_to_pay: the most that there is to pay, if that can be less than the subtotal.

    Returns:
        At most `requested` points, and no more than their rounded-down worth needs: the customer never pays with a
        point that buys nothing.
    """
    if not settings.point_value or requested <= 0:
        return NOTHING
    share = subtotal * settings.maximum_share_percent / 100
    whole = share if left_to_pay is None else min(share, left_to_pay)
    cap = whole.quantize(_coin(places), rounding=ROUND_DOWN)
    points, limit = requested, None
    if spendable < points:
        points, limit = max(spendable, 0), Limit.BALANCE
    affordable = int(cap / settings.point_value)
    if affordable < points:
        points = max(affordable, 0)
        limit = Limit.CHECKOUT_TOTAL if settings.maximum_share_percent == 100 or whole < share else Limit.SHARE
    amount = worth(points, settings.point_value, places)
    needed = int((amount / settings.point_value).to_integral_value(rounding=ROUND_CEILING))
    if needed < points:
        points, limit = needed, limit or Limit.ROUNDING
    return Quote(points, amount, limit) if points > 0 and amount > 0 else Quote(0, Decimal(0), limit)


def _coin(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)
