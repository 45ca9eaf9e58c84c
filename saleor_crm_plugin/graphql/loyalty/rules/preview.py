"""On which terms a checkout would earn if it became an order now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import timezone
from promise import Promise

from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.graphql.dataloaders import Customer
from saleor_crm_plugin.graphql.loyalty.rules.dataloaders import (
    PlaceByProductIdLoader,
    RuleUsageLoader,
    TraitsByProfileLoader,
    load_live_rules,
)
from saleor_crm_plugin.graphql.loyalty.segments import slugs_if_asked
from saleor_crm_plugin.graphql.loyalty.tiers.dataloaders import tier_of
from saleor_crm_plugin.ingestion.catalogue import Place
from saleor_crm_plugin.loyalty.awards import EarningTerms, TierTerms
from saleor_crm_plugin.loyalty.rules.definition import RuleUsage
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, segments_named_by
from saleor_crm_plugin.loyalty.terms import NO_TRAITS, CustomerTraits, RuleLimits, Wanted, occasion_of, terms_of

# Stands for an account that is not there yet: nothing was ever used by it.
NO_ACCOUNT = 0


@dataclass(frozen=True, slots=True)
class PreviewTerms:
    """`terms`: None where nothing is earned. `places`: of the checkout's products, where rules ask for them."""

    terms: EarningTerms | None
    places: Mapping[int, Place] = field(default_factory=dict)


def preview_terms(
    info: Any,
    checkout: Any,
    product_ids: Sequence[int],
    settings: LoyaltySettings,
    *,
    is_owner: bool,
    customer: Customer | None,
) -> Promise[PreviewTerms]:
    """Promise of the terms. What rules ask about the customer is told to the owner of the checkout alone.

    Args:
        customer: the owner, if they are known yet.
    """
    at = timezone.now()
    if not settings.points_per_unit or settings.earn_from is None or at < settings.earn_from:
        return Promise.resolve(PreviewTerms(None))
    tier = _tier(customer) if is_owner else None

    def with_rules(rules: Sequence[Any]) -> Any:
        if not rules:
            traits = CustomerTraits(tier=tier)
            return PreviewTerms(terms_of(settings, channel_id=checkout.channel_id, at=at, traits=traits))
        return Promise.all(
            [
                Promise.all([PlaceByProductIdLoader(info.context).load(product_id) for product_id in product_ids]),
                _traits(info, checkout, rules, is_owner, customer),
            ]
        ).then(lambda facts: with_facts(rules, *facts))

    def with_facts(rules: Sequence[Any], places: Sequence[Place], traits: CustomerTraits) -> Any:
        traits = replace(traits, tier=tier)
        terms = terms_of(settings, channel_id=checkout.channel_id, at=at, rules=rules, traits=traits)
        assert terms is not None
        account_id = customer.account.pk if customer and customer.account else NO_ACCOUNT
        wanted = Wanted(account_id, occasion_of(checkout.pk), at, terms)
        questions = wanted.questions()

        def with_usage(used: Sequence[RuleUsage]) -> PreviewTerms:
            limits = RuleLimits(dict(zip(questions, used, strict=True)))
            return PreviewTerms(limits.apply(wanted), dict(zip(product_ids, places, strict=True)))

        return Promise.all([RuleUsageLoader(info.context).load(question) for question in questions]).then(with_usage)

    return load_live_rules(info.context).then(with_rules)


def _traits(
    info: Any, checkout: Any, rules: Sequence[LiveRule], is_owner: bool, customer: Customer | None
) -> Promise[CustomerTraits]:
    if not is_owner:
        return Promise.resolve(NO_TRAITS)
    if customer is None:
        return Promise.resolve(CustomerTraits(is_first_order=True))
    return Promise.all(
        [
            TraitsByProfileLoader(info.context).load((customer.profile.pk, checkout.currency)),
            slugs_if_asked(segments_named_by(rules), customer.profile.pk, info),
        ]
    ).then(lambda found: replace(found[0], segments=found[0].segments | found[1]))


def _tier(customer: Customer | None) -> TierTerms | None:
    tier = tier_of(customer.account) if customer and customer.account else None
    return TierTerms(tier.pk, tier.name, tier.earning_multiplier) if tier else None
