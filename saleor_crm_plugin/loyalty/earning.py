"""The one calculator: what an order earns, and what it still earns after refunds. Pure.

The shopper's preview, the award, the reversal and (later) the simulation of a rule all call it. Points are rounded
down, once per order; lines show their share by largest remainder, so that they add up to the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, Self

BREAKDOWN_VERSION = 1


@dataclass(frozen=True, slots=True)
class EarningTerms:
    """The rule as it is applied to one order, and kept with the award.

    Attributes:
        points_per_unit: points for one unit of the order's currency.
        net: True if the basis is the amount without tax.
        with_shipping: True if the shipping price is part of the basis.
    """

    points_per_unit: Decimal
    net: bool
    with_shipping: bool


@dataclass(frozen=True, slots=True)
class EarningLine:
    """A line of an order or checkout. Amounts are for the whole line, after discounts, in the order's currency."""

    key: str
    name: str
    gross: Decimal
    net: Decimal
    is_gift_card: bool = False


@dataclass(frozen=True, slots=True)
class EarningOrder:
    """What the calculator needs to know of an order or checkout.

    Attributes:
        total_gross: what the customer owes, shipping and tax included.
        refunded_gross: money given back so far, at most `total_gross`.
    """

    lines: Sequence[EarningLine]
    shipping_gross: Decimal
    shipping_net: Decimal
    total_gross: Decimal
    refunded_gross: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class AwardPart:
    key: str
    name: str
    amount: Decimal
    points: int


@dataclass(frozen=True, slots=True)
class Award:
    """Points for an order with the amounts they come from.

    Attributes:
        points: points of the whole order; the sum over `parts`.
        eligible: the basis before refunds, in the order's currency.
    """

    points: int
    eligible: Decimal
    parts: tuple[AwardPart, ...]
    terms: EarningTerms

    def as_breakdown(self) -> dict[str, Any]:
        """JSON for the ledger entry. `terms_from_breakdown` reads it again."""
        return {
            "version": BREAKDOWN_VERSION,
            "points_per_unit": str(self.terms.points_per_unit),
            "net": self.terms.net,
            "with_shipping": self.terms.with_shipping,
            "eligible": str(self.eligible),
            "parts": [{"key": part.key, "amount": str(part.amount), "points": part.points} for part in self.parts],
        }

    @classmethod
    def nothing(cls, terms: EarningTerms) -> Self:
        return cls(points=0, eligible=Decimal(0), parts=(), terms=terms)


def terms_from_breakdown(breakdown: dict[str, Any]) -> EarningTerms:
    """The terms that an award was made on, for its reversal."""
    return EarningTerms(
        points_per_unit=Decimal(breakdown["points_per_unit"]),
        net=breakdown["net"],
        with_shipping=breakdown["with_shipping"],
    )


def award(order: EarningOrder, terms: EarningTerms) -> Award:
    """Points that `order` earns on `terms`, less the share of the money that was refunded.

    The refunded share of the total lowers the basis in proportion, so several partial refunds take the same points as
    one refund of their sum, and a full refund takes all. Gift card lines and lines below zero earn nothing.
    """
    parts = [
        (line.key, line.name, line.net if terms.net else line.gross)
        for line in order.lines
        if not line.is_gift_card and line.gross > 0
    ]
    if terms.with_shipping and order.shipping_gross > 0:
        parts.append(("shipping", "Shipping", order.shipping_net if terms.net else order.shipping_gross))
    eligible = sum((amount for _, _, amount in parts), Decimal(0))
    if eligible <= 0:
        return Award.nothing(terms)
    rate = Fraction(terms.points_per_unit) * kept_share(order.refunded_gross, order.total_gross)
    points = floor(Fraction(eligible) * rate)
    shares = split_points(points, [Fraction(amount) for _, _, amount in parts])
    return Award(
        points=points,
        eligible=eligible,
        parts=tuple(
            AwardPart(key, name, amount, share) for (key, name, amount), share in zip(parts, shares, strict=True)
        ),
        terms=terms,
    )


def kept_share(refunded: Decimal, total: Decimal) -> Fraction:
    """The share of the money that the shop keeps, between 0 and 1. An order that cost nothing keeps all of it."""
    if refunded <= 0 or total <= 0:
        return Fraction(1)
    return max(1 - Fraction(refunded) / Fraction(total), Fraction(0))


def split_points(points: int, weights: Sequence[Fraction]) -> list[int]:
    """Split whole points in proportion to weights (>= 0) by largest remainder; ties go to the earlier part."""
    total = sum(weights, Fraction(0))
    if total <= 0:
        return [0] * len(weights)
    exact = [points * weight / total for weight in weights]
    shares = [floor(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: points - sum(shares)]:
        shares[i] += 1
    return shares
