"""What an order earns points by, and the award that comes of it: nouns, and how an award is kept with its entry. Pure.

`loyalty.earning` is the calculator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from saleor_crm_plugin.config import AwardWhen
from saleor_crm_plugin.loyalty.rules.definition import RuleDefinition

BREAKDOWN_VERSION = 5
# The first version in which points as a gift card pay for goods before they pay for gift cards that are bought, and in
# which points as a voucher are in no rule's way.
_PAID_WITH_POINTS_TOLD_APART = 5


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """A rule that has a say in an order.

    Attributes:
        room: the most points that its limits leave for the order; None: any number.
        is_dry_run: computed and shown, but nobody gets the points.
        lines: whether it is for a line, by key, as decided by an award; of other lines the catalogue of today decides.
    """

    rule_id: int
    version: int
    name: str
    definition: RuleDefinition
    room: int | None = None
    is_dry_run: bool = False
    lines: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TierTerms:
    """The customer's tier: it gives `multiplier` times the base points."""

    tier_id: int
    name: str
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class EarningTerms:
    """Everything that decides the points of one order but the order itself; kept with the award.

    Attributes:
        points_per_unit: base points for one unit of the order's currency.
        net: True if the basis is the amount without tax.
        with_shipping: True if the shipping price is part of the basis.
        gift_cards_earn: False: the share of the price that gift cards paid earns nothing.
        sale_items_earn: False: lines on sale earn nothing.
        points_earn: True: the part of the price that points paid earns as well, in either form.
        rules: highest priority first.
        tier: that of the customer. Rules are not in its way, nor it in theirs.
        award_when: what the order has to be to be awarded.
        version: `BREAKDOWN_VERSION` of the award, by whose reckoning its order goes on: a sync takes no points because
            the calculator has changed.
    """

    points_per_unit: Decimal
    net: bool
    with_shipping: bool
    gift_cards_earn: bool = True
    sale_items_earn: bool = True
    points_earn: bool = False
    rules: tuple[RuleTerms, ...] = ()
    tier: TierTerms | None = None
    award_when: AwardWhen = AwardWhen.PAID
    version: int = BREAKDOWN_VERSION

    @property
    def points_pay_goods_first(self) -> bool:
        """False: what points as a gift card paid was spread over goods and gift cards that were bought alike."""
        return self.version >= _PAID_WITH_POINTS_TOLD_APART

    @property
    def minimum_is_before_points(self) -> bool:
        """False: points as a voucher lowered the price that rules ask a minimum of."""
        return self.version >= _PAID_WITH_POINTS_TOLD_APART


@dataclass(frozen=True, slots=True)
class EarningLine:
    """A line of an order or checkout. Amounts are for the whole line, after discounts, in the order's currency.

    Attributes:
        taken_back: share of the line, 0 to 1, that came back or that a refund was granted for.
        category_ids: the product's category and all above it.
        is_on_sale: a promotion of the catalogue made it cheaper; a voucher does not.
        base: its price before discounts of the whole order, with or without tax as the shop enters prices.
        tax_rate: 0.23 for 23 percent.
    """

    key: str
    name: str
    gross: Decimal
    net: Decimal
    is_gift_card: bool = False
    taken_back: Fraction = Fraction(0)
    product_id: int | None = None
    product_type_id: int | None = None
    category_ids: frozenset[int] = frozenset()
    collection_ids: frozenset[int] = frozenset()
    is_on_sale: bool = False
    base: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class EarningOrder:
    """What the calculator needs to know of an order or checkout.

    Attributes:
        total_gross: what is to be paid in money, shipping and tax included, after gift cards.
        refunded_gross: money given back so far.
        gift_cards_gross: what the customer's gift cards paid.
        points_paid: what points paid in the form of a gift card; comes off the goods first (`paid_by_card`).
        points_off: what points took off the lines in the form of a voucher.
    """

    lines: Sequence[EarningLine]
    shipping_gross: Decimal
    shipping_net: Decimal
    total_gross: Decimal
    refunded_gross: Decimal = Decimal(0)
    shipping_taken_back: Fraction = Fraction(0)
    gift_cards_gross: Decimal = Decimal(0)
    points_paid: Decimal = Decimal(0)
    points_off: Decimal = Decimal(0)
    is_business: bool = False

    @property
    def price_gross(self) -> Decimal:
        """What the lines and the shipping cost, whoever paid with whatever."""
        return sum((line.gross for line in self.lines), self.shipping_gross)


@dataclass(frozen=True, slots=True)
class AwardPart:
    """Points for a line or the shipping. `rule_ids`: of the rules that are for it."""

    key: str
    name: str
    amount: Decimal
    points: int
    rule_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleShare:
    """Points that come from a rule or a tier; from the channel's base rate where both ids are None."""

    rule_id: int | None
    version: int | None
    name: str
    points: int
    is_dry_run: bool = False
    tier_id: int | None = None


@dataclass(frozen=True, slots=True)
class Award:
    """Points for an order with the amounts and rules they come from.

    Attributes:
        points: points of the whole order; the sum over `parts`, and over those of `rules` that are not on trial.
        eligible: the basis before refunds, in the order's currency.
    """

    points: int
    eligible: Decimal
    parts: tuple[AwardPart, ...]
    terms: EarningTerms
    rules: tuple[RuleShare, ...] = ()

    def as_breakdown(self) -> dict[str, Any]:
        """JSON for the ledger entry. `terms_from_breakdown` reads it again."""
        terms = self.terms
        return {
            "version": terms.version,
            "points_per_unit": str(terms.points_per_unit),
            "net": terms.net,
            "with_shipping": terms.with_shipping,
            "gift_cards_earn": terms.gift_cards_earn,
            "sale_items_earn": terms.sale_items_earn,
            "points_earn": terms.points_earn,
            "award_when": terms.award_when.value,
            "rules": [
                {"rule": rule.rule_id, "version": rule.version, "room": rule.room, "dry_run": rule.is_dry_run}
                for rule in terms.rules
            ],
            "tier": terms.tier
            and {"tier": terms.tier.tier_id, "name": terms.tier.name, "multiplier": str(terms.tier.multiplier)},
            "eligible": str(self.eligible),
            "parts": [
                {
                    "key": part.key,
                    "amount": str(part.amount),
                    "points": part.points,
                    "rules": list(part.rule_ids),
                }
                for part in self.parts
            ],
            "shares": [
                {"rule": share.rule_id, "tier": share.tier_id, "name": share.name, "points": share.points}
                for share in self.rules
                if not share.is_dry_run
            ],
        }

    @classmethod
    def nothing(cls, terms: EarningTerms) -> Self:
        return cls(points=0, eligible=Decimal(0), parts=(), terms=terms)


def versions_in(breakdown: Mapping[str, Any]) -> set[tuple[int, int]]:
    """The (rule, version) pairs that a breakdown names."""
    return {(rule["rule"], rule["version"]) for rule in breakdown.get("rules", ())}


def terms_from_breakdown(
    breakdown: Mapping[str, Any],
    definitions: Mapping[tuple[int, int], tuple[str, RuleDefinition]],
    later: Iterable[Mapping[str, Any]] = (),
) -> EarningTerms:
    """The terms that an award was made on.

    Args:
        definitions: name and terms of each pair of `versions_in`.
        later: breakdowns of further awards of the order, in which lines were added.
    """
    rules_of_line = _rules_by_line([breakdown, *later])
    return EarningTerms(
        points_per_unit=Decimal(breakdown["points_per_unit"]),
        net=breakdown["net"],
        with_shipping=breakdown["with_shipping"],
        gift_cards_earn=breakdown["gift_cards_earn"],
        sale_items_earn=breakdown["sale_items_earn"],
        # Before version 3 the part that points paid earned nothing.
        points_earn=breakdown.get("points_earn", False),
        rules=tuple(
            RuleTerms(
                rule["rule"],
                rule["version"],
                *definitions[rule["rule"], rule["version"]],
                room=rule["room"],
                is_dry_run=rule["dry_run"],
                lines={key: rule["rule"] in rule_ids for key, rule_ids in rules_of_line.items()},
            )
            for rule in breakdown["rules"]
        ),
        # Awards of before there were tiers do not say.
        tier=_tier_from(breakdown.get("tier")),
        award_when=award_when_of(breakdown),
        version=breakdown["version"],
    )


def award_when_of(breakdown: Mapping[str, Any]) -> AwardWhen:
    """What an order was awarded on. Before version 4 they do not say; all of these orders were paid."""
    return AwardWhen(breakdown.get("award_when", AwardWhen.PAID))


def _rules_by_line(breakdowns: Iterable[Mapping[str, Any]]) -> dict[str, Sequence[int]]:
    """What the first award that had a line decided. Before version 4 they do not say."""
    found: dict[str, Sequence[int]] = {}
    for breakdown in breakdowns:
        for part in breakdown.get("parts", ()):
            if "rules" in part:
                found.setdefault(part["key"], part["rules"])
    return found


def _tier_from(stored: Mapping[str, Any] | None) -> TierTerms | None:
    return TierTerms(stored["tier"], stored["name"], Decimal(stored["multiplier"])) if stored else None
