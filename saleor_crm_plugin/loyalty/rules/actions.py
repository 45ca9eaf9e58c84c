"""What rules give for something that is no order: signing up, a birthday, a referral. Pure.

An action has one "line": rules are looked at by priority, and one that is not stackable stands alone on it. Each gives
fixed points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from saleor_crm_plugin.loyalty.awards import Award, EarningTerms, RuleShare, RuleTerms
from saleor_crm_plugin.loyalty.rules.definition import ReferralSide, RuleContext, RuleDefinition, Trigger


@dataclass(frozen=True, slots=True)
class Action:
    """Something that happened to a customer.

    Attributes:
        occasion: what the uses of rules are counted by; an account is given something once for each.
        at: when it happened, in the shop's time zone.
        channel_id: of the order behind it, if there is one.
        segments: names of the customer's segments, in any currency.
    """

    trigger: Trigger
    occasion: str
    at: datetime
    channel_id: int | None = None
    segments: frozenset[str] = frozenset()
    tier_id: int | None = None
    referral_side: ReferralSide | None = None

    def calls_for(self, definition: RuleDefinition, in_force_since: datetime | None) -> bool:
        """Whether a rule has a say: it applies, and was in force when the action happened."""
        context = RuleContext(
            channel_id=self.channel_id,
            at=self.at,
            segments=self.segments,
            tier_id=self.tier_id,
            action=self.trigger,
            referral_side=self.referral_side,
        )
        return in_force_since is not None and in_force_since <= self.at and definition.applies(context)


def action_terms(rules: Iterable[RuleTerms]) -> EarningTerms:
    """The terms of an action in the form that those of an order have: no base points, only rules."""
    return EarningTerms(points_per_unit=Decimal(0), net=False, with_shipping=False, rules=tuple(rules))


def given_by(terms: EarningTerms) -> Iterator[tuple[RuleTerms, int]]:
    """Each rule that has a say, highest priority first, and the points it gives, as far as its limits leave room."""
    taken = closed = False
    for rule in terms.rules:
        definition = rule.definition
        # As with orders: a rule that its limits have used up is in nobody's way, nor is one on trial.
        if rule.room == 0 or closed or (taken and not definition.stackable):
            yield rule, 0
            continue
        if not rule.is_dry_run:
            taken, closed = True, not definition.stackable
        points = int(definition.value)
        yield rule, points if rule.room is None else min(points, rule.room)


def share_of(rule: RuleTerms, points: int) -> Award:
    """One rule's points as an award, for the breakdown of its entry."""
    share = RuleShare(rule.rule_id, rule.version, rule.name, points)
    return Award(points=points, eligible=Decimal(0), parts=(), terms=action_terms([rule]), rules=(share,))
