"""What points paid of an order or checkout, and how much of it still counts. Pure.

Points pay in one of two forms. A voucher lowers the price of the lines, which then no longer show what they cost. A
gift card leaves the prices of the lines alone and lowers what is left to pay in money.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line after an order-wide discount, and `base`: its price before, with or without tax as the shop enters it."""

    gross: Decimal
    net: Decimal
    base: Decimal
    tax_rate: Decimal = Decimal(0)


def before_voucher(lines: Sequence[PricedLine], taken_off: Decimal, *, net: bool) -> list[Fraction]:
    """The prices of the lines, in the same order, as if a voucher had not taken `taken_off` off their sum.

    Whether the shop enters prices with tax shows in the lines: their base prices less the voucher add up to the gross
    prices or to the net ones.
    """
    amounts = [Fraction(line.net if net else line.gross) for line in lines]
    total = sum((line.base for line in lines), Decimal(0))
    if taken_off <= 0 or total <= 0:
        return amounts
    left = total - min(taken_off, total)
    off_gross = abs(sum((line.gross for line in lines), -left))
    off_net = abs(sum((line.net for line in lines), -left))
    with_tax = off_gross <= off_net
    return [_priced(line, net=net, with_tax=with_tax) for line in lines]


@dataclass(frozen=True, slots=True)
class PaidShare:
    """The shares, 0 to 1, that a gift card of points paid: of goods, of gift cards that are bought, of the shipping."""

    goods: Fraction = Fraction(0)
    gift_cards: Fraction = Fraction(0)
    shipping: Fraction = Fraction(0)


NOTHING_PAID = PaidShare()


def paid_by_card(points_paid: Decimal, goods: Decimal, gift_cards: Decimal, shipping: Decimal) -> PaidShare:
    """What a gift card of points paid of which part of the price.

    Points pay for goods: what the card paid comes off these, on all lines alike. It has paid more than they cost only
    where the checkout was completed before it was fitted to fewer goods; that comes off gift cards that are bought,
    which earn nothing, and then off the shipping.

    Args:
        goods: the price of all lines but the gift cards.
    """
    shares, left = [], max(points_paid, Decimal(0))
    for price in (goods, gift_cards, shipping):
        paid = min(left, price)
        shares.append(Fraction(paid) / Fraction(price) if price > 0 else Fraction(0))
        left -= paid
    return PaidShare(*shares)


def used_of_cards(balances: Iterable[tuple[int, Decimal]], total: Decimal) -> dict[int, Decimal]:
    """What each gift card pays of `total`, by its id: they are used up one after the other, in the order given."""
    used: dict[int, Decimal] = {}
    for card_id, balance in balances:
        used[card_id] = max(min(balance, total), Decimal(0))
        total -= used[card_id]
    return used


def _priced(line: PricedLine, *, net: bool, with_tax: bool) -> Fraction:
    base, factor = Fraction(line.base), 1 + Fraction(line.tax_rate)
    if with_tax:
        return base / factor if net else base
    return base if net else base * factor
