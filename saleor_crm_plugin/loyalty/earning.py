"""The one calculator: what an order earns, and what it still earns after refunds and returns. Pure.

The shopper's preview, the award and the reversal all call it. Points are rounded down, once
per order; lines and rules show their shares by largest remainder, so that they add up to the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor, lcm

from saleor_crm_plugin.loyalty.awards import (
    Award,
    AwardPart,
    EarningLine,
    EarningOrder,
    EarningTerms,
    RuleShare,
    RuleTerms,
)
from saleor_crm_plugin.loyalty.paid_with_points import NOTHING_PAID, PaidShare, PricedLine, before_voucher, paid_by_card
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition
from saleor_crm_plugin.loyalty.wallet import MAX_POINTS

SHIPPING = "shipping"
WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class _Part:
    """A line, or the shipping, that earns. `basis`: the amount that counts; `kept`: the share that was not undone."""

    line: EarningLine | None
    key: str
    name: str
    amount: Decimal
    basis: Fraction
    kept: Fraction


def award(order: EarningOrder, terms: EarningTerms) -> Award:
    """Points that `order` earns on `terms`, less what was refunded, returned or granted back.

    What came back is taken from its own lines; money refunded beyond that lowers all lines in proportion. So several
    partial refunds take the same points as one refund of their sum, and a full refund takes all, but for what gift
    cards of the customer's own paid and earn: no refund of money gives that back. Gift card lines and lines below zero
    earn nothing, and no order earns more than `MAX_POINTS`.
    """
    parts = _parts(order, terms)
    eligible = sum((part.amount for part in parts), Decimal(0))
    if eligible <= 0:
        return Award.nothing(terms)
    matching = [[_matches(rule, part) for part in parts] for rule in terms.rules]
    base = Fraction(terms.points_per_unit)
    sources: list[tuple[RuleShare, list[Fraction]]] = [
        (RuleShare(None, None, "", 0), [base * part.basis for part in parts])
    ]
    if terms.tier is not None and terms.tier.multiplier > 1:
        extra = (Fraction(terms.tier.multiplier) - 1) * base
        share = RuleShare(None, None, terms.tier.name, 0, tier_id=terms.tier.tier_id)
        sources.append((share, [extra * part.basis for part in parts]))
    sources += [
        (RuleShare(rule.rule_id, rule.version, rule.name, 0, rule.is_dry_run), points)
        for rule, points in _rule_points(order, terms, parts, matching, base)
    ]
    kept = [part.kept for part in parts]
    given = [(share, _weighted(points, kept)) for share, points in sources if not share.is_dry_run]
    exact = [_sum(column) for column in zip(*(points for _, points in given), strict=True)]
    points = min(floor(_sum(exact)), MAX_POINTS)
    by_source = split_points(points, [_sum(weights) for _, weights in given])
    shares = [replace(share, points=whole) for (share, _), whole in zip(given, by_source, strict=True)]
    shares += [
        replace(share, points=floor(_sum(_weighted(weights, kept)))) for share, weights in sources if share.is_dry_run
    ]
    return Award(
        points=points,
        eligible=eligible,
        parts=tuple(
            AwardPart(part.key, part.name, part.amount, whole, _rules_of(i, terms, matching))
            for i, (part, whole) in enumerate(zip(parts, split_points(points, exact), strict=True))
        ),
        terms=terms,
        rules=tuple(shares),
    )


def has_goods_that_earn(order: EarningOrder, terms: EarningTerms) -> bool:
    """Whether any line earns on `terms`, a fraction of a point if no more, as if nothing had been refunded."""
    return any(part.line is not None and part.basis > 0 for part in _parts(order, terms))


def before_refunds(order: EarningOrder) -> EarningOrder:
    """The order as if nothing had been refunded or come back; the same object if nothing was."""
    if not (order.refunded_gross or order.shipping_taken_back or any(line.taken_back for line in order.lines)):
        return order
    lines = [replace(line, taken_back=Fraction(0)) if line.taken_back else line for line in order.lines]
    return replace(order, lines=lines, refunded_gross=Decimal(0), shipping_taken_back=Fraction(0))


def kept_value(order: EarningOrder) -> Fraction:
    """The share of the goods and shipping, by price, that was neither refunded nor came back, between 0 and 1.

    By the price that goods and shipping had before points paid some of it, in either form. Money refunded beyond that
    of what came back is the shipping's first, which points do not pay for; what is more lowers the rest, as all of it
    does where nothing came back. Nothing is kept once all goods and all money are back.
    """
    shown = _without_voucher_of_points(order)
    price, came_back = _price(shown, NOTHING_PAID), _taken_back(shown, NOTHING_PAID)
    if price <= 0 or came_back <= 0:
        return kept_share(order.refunded_gross, order.total_gross)
    refunded, left = Fraction(order.refunded_gross), Fraction(order.total_gross - order.refunded_gross)
    if refunded > 0 >= left and all(line.taken_back == 1 for line in shown.lines if line.gross > 0):
        return Fraction(0)
    further = max(refunded - came_back, Fraction(0))
    of_shipping = min(further, Fraction(max(shown.shipping_gross, Decimal(0))) * (1 - shown.shipping_taken_back))
    kept = (price - came_back - of_shipping) / price
    further -= of_shipping
    return kept * max(left, Fraction(0)) / (max(left, Fraction(0)) + further) if further else kept


def share_of_points_back(order: EarningOrder) -> Fraction:
    """The share of spent points that a refund gives back, between 0 and 1: of what is not kept, by price.

    Less where money has paid for what came back: Saleor proposes the whole price of returned goods as the refund, also
    where points paid for them as a gift card. Money and points together give back no more than what came back cost.
    """
    kept = kept_value(order)
    shown = _without_voucher_of_points(order)
    price = _price(shown, NOTHING_PAID)
    by_points = price - _price(order, NOTHING_PAID) + Fraction(order.points_paid)
    if kept == 0 or by_points <= 0 or _taken_back(shown, NOTHING_PAID) <= 0:
        return 1 - kept
    left = max((1 - kept) * price - Fraction(order.refunded_gross), Fraction(0))
    return min(1 - kept, left / by_points)


def _without_voucher_of_points(order: EarningOrder) -> EarningOrder:
    if order.points_off <= 0:
        return order
    whole = _before_voucher(order, net=False)
    lines = [
        replace(line, gross=max(line.gross, _decimal(price))) for line, price in zip(order.lines, whole, strict=True)
    ]
    return replace(order, lines=lines, points_off=Decimal(0))


def kept_share(refunded: Decimal, total: Decimal) -> Fraction:
    """The share of the money that the shop keeps, between 0 and 1. An order that cost nothing keeps all of it."""
    if refunded <= 0 or total <= 0:
        return Fraction(1)
    return max(1 - Fraction(refunded) / Fraction(total), Fraction(0))


def split_points(points: int, weights: Sequence[Fraction]) -> list[int]:
    """Split whole points in proportion to weights (>= 0) by largest remainder; ties go to the earlier part."""
    # Whole numbers in the same proportion: a history's awards are mostly this.
    parts, _ = _over_one_denominator(weights)
    total = sum(parts)
    if total <= 0:
        return [0] * len(weights)
    shares = [points * part // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(points * parts[i] % total), i))
    for i in by_remainder[: points - sum(shares)]:
        shares[i] += 1
    return shares


def _parts(order: EarningOrder, terms: EarningTerms) -> list[_Part]:
    by_points, by_points_counts = _by_points(order, terms), terms.points_earn
    counts, money = _counting_share(order, terms, by_points), _money_kept(order, terms, by_points)
    parts = []
    for line, amount, whole in zip(order.lines, *_amounts(order, terms), strict=True):
        if line.is_gift_card or whole <= 0 or (line.is_on_sale and not terms.sale_items_earn):
            continue
        basis = _basis(amount, whole, by_points.goods, counts, by_points_counts)
        parts.append(_Part(line, line.key, line.name, _decimal(whole), basis, _kept(line.taken_back, money)))
    if terms.with_shipping and order.shipping_gross > 0:
        shipping = order.shipping_net if terms.net else order.shipping_gross
        whole = Fraction(shipping)
        basis = _basis(whole, whole, by_points.shipping, counts, by_points_counts)
        kept = _kept(order.shipping_taken_back, money)
        parts.append(_Part(None, SHIPPING, "Shipping", shipping, basis, kept))
    return parts


def _basis(
    amount: Fraction, whole: Fraction, by_points: Fraction, counts: Fraction, by_points_counts: bool
) -> Fraction:
    """What counts of an amount: a share of what points did not pay, and what they did, if that earns."""
    otherwise = amount * (1 - by_points) if by_points else amount
    basis = otherwise if counts == 1 else otherwise * counts
    return basis + (whole - otherwise) if by_points_counts else basis


def _kept(taken_back: Fraction, money: Fraction) -> Fraction:
    return (1 - taken_back) * money if taken_back else money


def _amounts(order: EarningOrder, terms: EarningTerms) -> tuple[list[Fraction], list[Fraction]]:
    """Of each line its price now, and what may count of it: with what a voucher of points took off, if that earns."""
    paid = [Fraction(line.net if terms.net else line.gross) if line.gross > 0 else Fraction(0) for line in order.lines]
    if not terms.points_earn or order.points_off <= 0:
        return paid, paid
    whole = _before_voucher(order, net=terms.net)
    return paid, [max(pair) for pair in zip(paid, whole, strict=True)]


def _before_voucher(order: EarningOrder, *, net: bool) -> list[Fraction]:
    lines = [PricedLine(line.gross, line.net, line.base, line.tax_rate) for line in order.lines]
    return before_voucher(lines, order.points_off, net=net)


def _by_points(order: EarningOrder, terms: EarningTerms) -> PaidShare:
    # As of most orders, and far cheaper.
    if order.points_paid <= 0:
        return NOTHING_PAID
    goods, gift_cards = _goods(order), _gift_cards(order)
    shipping = max(order.shipping_gross, Decimal(0))
    if terms.points_pay_goods_first:
        return paid_by_card(order.points_paid, goods, gift_cards, shipping)
    alike = paid_by_card(order.points_paid, goods + gift_cards, Decimal(0), shipping)
    return replace(alike, gift_cards=alike.goods)


def _counting_share(order: EarningOrder, terms: EarningTerms, by_points: PaidShare) -> Fraction:
    """The share of what points did not pay that was paid with what earns. Gift cards pay for all of it alike."""
    if terms.gift_cards_earn or order.gift_cards_gross <= 0:
        return WHOLE
    price = _price(order, by_points)
    return max(1 - Fraction(order.gift_cards_gross) / price, Fraction(0)) if price > 0 else WHOLE


def _decimal(amount: Fraction) -> Decimal:
    """To a thousandth, as money is kept; exact where it is money already."""
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact if Fraction(exact) == amount else exact.quantize(Decimal("0.001"))


def _goods(order: EarningOrder) -> Decimal:
    return sum((max(line.gross, Decimal(0)) for line in order.lines if not line.is_gift_card), Decimal(0))


def _gift_cards(order: EarningOrder) -> Decimal:
    """The price of gift cards that are bought."""
    return sum((max(line.gross, Decimal(0)) for line in order.lines if line.is_gift_card), Decimal(0))


def _price(order: EarningOrder, by_points: PaidShare) -> Fraction:
    """The price of all lines and the shipping, less what points paid of it in either form."""
    goods, gift_cards = Fraction(_goods(order)), Fraction(_gift_cards(order))
    shipping = Fraction(max(order.shipping_gross, Decimal(0)))
    return _otherwise(goods, gift_cards, shipping, by_points)


def _taken_back(order: EarningOrder, by_points: PaidShare) -> Fraction:
    """What came back of `_price`."""
    goods = gift_cards = Fraction(0)
    for line in order.lines:
        came_back = Fraction(max(line.gross, Decimal(0))) * line.taken_back
        if line.is_gift_card:
            gift_cards += came_back
        else:
            goods += came_back
    shipping = Fraction(max(order.shipping_gross, Decimal(0))) * order.shipping_taken_back
    return _otherwise(goods, gift_cards, shipping, by_points)


def _otherwise(goods: Fraction, gift_cards: Fraction, shipping: Fraction, by_points: PaidShare) -> Fraction:
    """The part of these that points did not pay."""
    parts = (goods, by_points.goods), (gift_cards, by_points.gift_cards), (shipping, by_points.shipping)
    return sum((price * (1 - paid) for price, paid in parts), Fraction(0))


def _money_kept(order: EarningOrder, terms: EarningTerms, by_points: PaidShare) -> Fraction:
    """What money refunded beyond the price of what came back leaves of the rest, between 0 and 1."""
    if order.refunded_gross <= 0 or order.total_gross <= 0:
        return WHOLE
    price = _price(order, by_points)
    total, refunded = _earning_total(order, terms, price), Fraction(order.refunded_gross)
    came_back = _taken_back(order, by_points) / price * total if price > 0 else Fraction(0)
    rest = total - came_back
    if rest <= 0:
        return Fraction(0)
    return max(1 - max(refunded - came_back, Fraction(0)) / rest, Fraction(0))


def _earning_total(order: EarningOrder, terms: EarningTerms, price: Fraction) -> Fraction:
    """What was paid with money, and with gift cards of the customer's own where these earn as money does."""
    total = Fraction(order.total_gross)
    if not terms.gift_cards_earn or order.gift_cards_gross <= 0:
        return total
    # One that pays through a transaction has not lowered the total.
    return max(total, min(total + Fraction(order.gift_cards_gross), price))


def _rule_points(
    order: EarningOrder,
    terms: EarningTerms,
    parts: Sequence[_Part],
    matching: Sequence[Sequence[bool]],
    base: Fraction,
) -> Iterable[tuple[RuleTerms, list[Fraction]]]:
    """Exact points of each rule on each part, before refunds. `matching`: of each rule, the parts that it is for."""
    taken = [False] * len(parts)
    closed = [False] * len(parts)
    bought = _without_voucher_of_points(order) if terms.rules and terms.minimum_is_before_points else order
    for rule, hits in zip(terms.rules, matching, strict=True):
        definition = rule.definition
        # A rule that its limits have used up is in nobody's way.
        if rule.room == 0 or not definition.matches_order(bought):
            continue
        touched = [hit and not closed[i] and (definition.stackable or not taken[i]) for i, hit in enumerate(hits)]
        if not any(touched):
            continue
        if not rule.is_dry_run:
            taken = [was or now for was, now in zip(taken, touched, strict=True)]
            if not definition.stackable:
                closed = [was or now for was, now in zip(closed, touched, strict=True)]
        weights = [part.basis if hit else Fraction(0) for part, hit in zip(parts, touched, strict=True)]
        yield rule, _capped(_effect_points(definition, weights, base), rule.room)


def _matches(rule: RuleTerms, part: _Part) -> bool:
    if part.line is None:
        return not rule.definition.conditions.restrict_lines
    decided = rule.lines.get(part.key)
    return rule.definition.matches_line(part.line) if decided is None else decided


def _rules_of(number: int, terms: EarningTerms, matching: Sequence[Sequence[bool]]) -> tuple[int, ...]:
    return tuple(rule.rule_id for rule, hits in zip(terms.rules, matching, strict=True) if hits[number])


def _effect_points(definition: RuleDefinition, weights: list[Fraction], base: Fraction) -> list[Fraction]:
    value = Fraction(definition.value)
    if definition.effect == Effect.POINTS_PER_AMOUNT:
        return [value * weight for weight in weights]
    if definition.effect == Effect.MULTIPLIER:
        return [(value - 1) * base * weight for weight in weights]
    total = sum(weights, Fraction(0))
    return [value * weight / total for weight in weights] if total > 0 else weights


def _capped(points: list[Fraction], room: int | None) -> list[Fraction]:
    total = sum(points, Fraction(0))
    if room is None or total <= room:
        return points
    return [each * room / total for each in points]


def _weighted(points: Sequence[Fraction], kept: Sequence[Fraction]) -> list[Fraction]:
    return [each * share if share != 1 else each for each, share in zip(points, kept, strict=True)]


def _sum(fractions: Sequence[Fraction]) -> Fraction:
    if len(fractions) == 1:
        return fractions[0]
    parts, denominator = _over_one_denominator(fractions)
    return Fraction(sum(parts), denominator)


def _over_one_denominator(fractions: Sequence[Fraction]) -> tuple[list[int], int]:
    denominator = lcm(*(each.denominator for each in fractions))
    return [each.numerator * (denominator // each.denominator) for each in fractions], denominator
