"""On which terms an order earns: the channel's settings, the rules that apply, and their limits.

The award and the preview of a checkout both get their terms here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from saleor_crm_plugin.config import Basis, LoyaltySettings
from saleor_crm_plugin.loyalty.awards import EarningTerms, RuleTerms, TierTerms
from saleor_crm_plugin.loyalty.rules.definition import Limits, RuleContext, RuleUsage
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, RuleUse, UsageQuestion


@dataclass(frozen=True, slots=True)
class CustomerTraits:
    """What rules may ask about a customer, as it was before the order.

    Attributes:
        segments: names of the customer's segments (`loyalty.segment_names`).
        is_first_order: there is no earlier purchase.
        tier: the one that the customer was in when the order was placed.
    """

    segments: frozenset[str] = frozenset()
    is_first_order: bool = False
    tier: TierTerms | None = None


NO_TRAITS = CustomerTraits()
NO_LIMITS = Limits()


def terms_of(
    settings: LoyaltySettings,
    *,
    channel_id: int,
    at: datetime,
    rules: Iterable[LiveRule] = (),
    traits: CustomerTraits = NO_TRAITS,
) -> EarningTerms | None:
    """The terms of a purchase at a moment, without regard to limits; None where nothing can be earned."""
    if not settings.points_per_unit:
        return None
    context = RuleContext(
        channel_id=channel_id,
        # Weekdays are those of the shop's clock.
        at=timezone.localtime(at),
        segments=traits.segments,
        is_first_order=traits.is_first_order,
        tier_id=traits.tier.tier_id if traits.tier else None,
    )
    return EarningTerms(
        points_per_unit=settings.points_per_unit,
        net=settings.basis == Basis.NET,
        with_shipping=settings.include_shipping,
        gift_cards_earn=settings.gift_cards_earn,
        sale_items_earn=settings.sale_items_earn,
        points_earn=settings.points_earn,
        rules=tuple(
            RuleTerms(rule.rule_id, rule.version, rule.name, rule.definition, None, rule.is_dry_run)
            for rule in rules
            if rule.definition.applies(context)
        ),
        tier=traits.tier,
        award_when=settings.award_when,
    )


def occasion_of(order_id: UUID) -> str:
    """By which the uses of rules are counted once for each order."""
    return f"order:{order_id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order that is to be awarded, or a checkout that may become one.

    Attributes:
        occasion: what the uses of its rules are counted by.
        at: when it was placed.
    """

    account_id: int
    occasion: str
    at: datetime
    terms: EarningTerms

    def questions(self) -> list[UsageQuestion]:
        """What has to be known of the uses so far."""
        return [self.question(rule) for rule in self.terms.rules if is_limited(rule)]

    def question(self, rule: RuleTerms) -> UsageQuestion:
        definition = rule.definition
        return UsageQuestion(
            rule.rule_id,
            self.account_id,
            *definition.period_of(self.at),
            self.occasion,
            definition.limits.points_in_total is not None,
            rule.is_dry_run,
        )


class RuleLimits:
    """What the limits of rules still allow, over a batch of orders.

    Args:
        used: the answers to all `Wanted.questions`, read under the accounts' locks, or for a preview.
    """

    def __init__(self, used: Mapping[UsageQuestion, RuleUsage]) -> None:
        self._before = used
        self._since: dict[tuple[int, bool, int], list[RuleUse]] = {}
        self._points_since: dict[tuple[int, bool], int] = {}

    def apply(self, wanted: Wanted) -> EarningTerms:
        """The terms with the room that each rule has left."""
        return replace(
            wanted.terms,
            rules=tuple(
                replace(rule, room=rule.definition.room(self._usage(rule, wanted))) if is_limited(rule) else rule
                for rule in wanted.terms.rules
            ),
        )

    def count(self, uses: Iterable[RuleUse]) -> None:
        """Take into account what an order of this batch has used."""
        for use in uses:
            self._since.setdefault((use.rule_id, use.is_dry_run, use.account_id), []).append(use)
            of_all = (use.rule_id, use.is_dry_run)
            self._points_since[of_all] = self._points_since.get(of_all, 0) + use.points

    def _usage(self, rule: RuleTerms, wanted: Wanted) -> RuleUsage:
        question = wanted.question(rule)
        before = self._before[question]
        lately = self._since.get((rule.rule_id, rule.is_dry_run, wanted.account_id), ())
        own = [use for use in lately if question.covers(use.used_at)]
        return RuleUsage(
            customer_points=before.customer_points + sum(use.points for use in own),
            customer_uses=before.customer_uses + sum(use.points > 0 for use in own),
            total_points=before.total_points + self._points_since.get((rule.rule_id, rule.is_dry_run), 0),
        )


def is_limited(rule: RuleTerms) -> bool:
    return rule.definition.limits_in_force != NO_LIMITS
