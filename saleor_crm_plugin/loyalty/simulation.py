"""What a rule would have given: each order is awarded twice, without the rule and with it. Nothing is stored.

Both awards come from the calculator of the real one, on the settings and rules of today. Limits count from nothing at
the first order, on both sides apart, so that the difference is the rule's and not that of what was used before.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from saleor_crm_plugin.loyalty import earning
from saleor_crm_plugin.loyalty.awards import Award, EarningTerms
from saleor_crm_plugin.loyalty.orders import OrderFacts, qualifies
from saleor_crm_plugin.loyalty.rules.definition import RuleUsage
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, RuleUse, UsageQuestion
from saleor_crm_plugin.loyalty.terms import RuleLimits, Wanted, is_limited, occasion_of, terms_of

MOST_AFFECTED = 10


@dataclass(frozen=True, slots=True)
class AffectedOrder:
    """An order whose points the rule changes."""

    order_id: UUID
    number: int
    placed_at: datetime
    currency: str
    points_before: int
    points_after: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What the points given on orders in one currency are worth.

    Attributes:
        amount: points times the worth of a point in the order's channel, not rounded; None if no channel gives a worth.
        points_without_worth: the part of `points` from channels where points cannot be spent; not in `amount`.
    """

    currency: str
    points: int
    amount: Decimal | None
    points_without_worth: int


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What the rule changes, over all orders.

    Attributes:
        orders_read: orders looked at, whether they earn or not.
        orders: those whose points change.
        customers: how many people these belong to.
        costs: by currency, in alphabetical order; only where points change.
        most_affected: the largest changes first, then the oldest orders.
    """

    points: int
    orders_read: int
    orders: int
    customers: int
    costs: tuple[Cost, ...]
    most_affected: tuple[AffectedOrder, ...]


class _NothingUsed(dict[UsageQuestion, RuleUsage]):
    def __missing__(self, _question: UsageQuestion) -> RuleUsage:
        return RuleUsage()


class _Side:
    """Orders under one set of rules, oldest first."""

    def __init__(self, rules: Iterable[LiveRule]) -> None:
        self._rules = sorted(rules, key=lambda rule: (-rule.definition.priority, rule.rule_id))
        self._limits = RuleLimits(_NothingUsed())

    def terms(self, order: OrderFacts) -> EarningTerms | None:
        terms = terms_of(
            order.settings, channel_id=order.channel_id, at=order.placed_at, rules=self._rules, traits=order.traits
        )
        if terms is None or not any(is_limited(rule) for rule in terms.rules):
            return terms
        assert order.profile_id is not None
        return self._limits.apply(Wanted(order.profile_id, occasion_of(order.order_id), order.placed_at, terms))

    def count(self, order: OrderFacts, award: Award) -> None:
        """Let the limits know what the order has used."""
        assert order.profile_id is not None
        points = {share.rule_id: share.points for share in award.rules}
        self._limits.count(
            RuleUse(
                rule.rule_id,
                rule.version,
                order.profile_id,
                occasion_of(order.order_id),
                points.get(rule.rule_id, 0),
                rule.is_dry_run,
                order.placed_at,
            )
            for rule in award.terms.rules
            if is_limited(rule)
        )


class Simulation:
    """Takes orders, oldest first, and sums up what the rule changes.

    Args:
        rule: taken as live, whatever its status.
        in_force: the live rules; an earlier version of `rule` among them is left out, on both sides, and so are rules
            on trial, since nobody gets their points.
        worth: of one point, by channel id; channels where points cannot be spent are missing.
    """

    def __init__(self, rule: LiveRule, in_force: Iterable[LiveRule], worth: Mapping[int, Decimal]) -> None:
        others = [each for each in in_force if each.rule_id != rule.rule_id and not each.is_dry_run]
        self._without, self._with = _Side(others), _Side([*others, rule])
        self._worth = worth
        self._read = 0
        self._orders = 0
        self._customers: set[int] = set()
        self._points: dict[tuple[str, int], int] = {}
        self._top: list[tuple[int, int, AffectedOrder]] = []

    def add(self, order: OrderFacts, number: int, currency: str) -> None:
        """Look at one more order; `number` is what staff know it by."""
        self._read += 1
        if not qualifies(order):
            return
        before, after = self._points_of(order)
        if before == after:
            return
        assert order.profile_id is not None
        self._orders += 1
        self._customers.add(order.profile_id)
        key = (currency, order.channel_id)
        self._points[key] = self._points.get(key, 0) + after - before
        affected = AffectedOrder(order.order_id, number, order.placed_at, currency, before, after)
        entry = (abs(after - before), -self._read, affected)
        if len(self._top) < MOST_AFFECTED:
            heapq.heappush(self._top, entry)
        else:
            heapq.heappushpop(self._top, entry)

    def _points_of(self, order: OrderFacts) -> tuple[int, int]:
        before, after = self._without.terms(order), self._with.terms(order)
        if before is None or after is None:
            return 0, 0
        same = before == after
        # Most orders of most rules: the rule is not for them, and nothing has to be counted.
        if same and not any(is_limited(rule) for rule in before.rules):
            return 0, 0
        without = earning.award(order.earning, before)
        with_rule = without if same else earning.award(order.earning, after)
        self._without.count(order, without)
        self._with.count(order, with_rule)
        return without.points, with_rule.points

    def result(self) -> SimulationResult:
        return SimulationResult(
            points=sum(self._points.values()),
            orders_read=self._read,
            orders=self._orders,
            customers=len(self._customers),
            costs=tuple(self._cost(currency) for currency in sorted({currency for currency, _ in self._points})),
            most_affected=tuple(affected for _, _, affected in sorted(self._top, reverse=True)),
        )

    def _cost(self, currency: str) -> Cost:
        points = {channel_id: points for (of, channel_id), points in self._points.items() if of == currency}
        valued = {channel_id: each for channel_id, each in points.items() if channel_id in self._worth}
        return Cost(
            currency=currency,
            points=sum(points.values()),
            amount=sum((each * self._worth[channel_id] for channel_id, each in valued.items()), Decimal(0))
            if valued
            else None,
            points_without_worth=sum(points.values()) - sum(valued.values()),
        )
