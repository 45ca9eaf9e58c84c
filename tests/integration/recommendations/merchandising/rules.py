"""Merchandising rules for tests, and the lists that they make."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from saleor.channel.models import Channel
from saleor.product.models import Product

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.recommendations import serving
from saleor_crm_plugin.recommendations.arranging import Policy
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction, RuleDefinition, Scope, Targets
from saleor_crm_plugin.recommendations.merchandising.editing import create_rule
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.merchandising.storage import rows_in_force, rules_of
from saleor_crm_plugin.recommendations.serving import Asked, serve

TARGETS = ("product_ids", "category_ids", "collection_ids", "attribute_values")
SCOPE = ("channel_ids", "kinds", "segment_ids", "starts_at", "ends_at")


def definition(action: RuleAction, **fields: Any) -> RuleDefinition:
    """A rule by its columns. Products may be given as `products`."""
    if "products" in fields:
        fields["product_ids"] = tuple(product.pk for product in fields.pop("products"))
    targets = Targets(**{name: fields.pop(name) for name in TARGETS if name in fields})
    scope = Scope(**{name: fields.pop(name) for name in SCOPE if name in fields})
    if action is RuleAction.PIN:
        fields = {"position": 1, "places": max(len(targets.product_ids), 1), **fields}
    return RuleDefinition(action, targets, scope, **fields)


def pin(*products: Product, **fields: Any) -> MerchandisingRule:
    return rule(RuleAction.PIN, **({"products": products} if products else {}), **fields)


def exclude(**fields: Any) -> MerchandisingRule:
    return rule(RuleAction.EXCLUDE, **fields)


def boost(factor: float = 100, **fields: Any) -> MerchandisingRule:
    return rule(RuleAction.BOOST, factor=factor, **fields)


def bury(factor: float = 100, **fields: Any) -> MerchandisingRule:
    return rule(RuleAction.BURY, factor=factor, **fields)


def rule(action: RuleAction, *, is_active: bool = True, **fields: Any) -> MerchandisingRule:
    return create_rule(action.name.title(), definition(action, **fields), SYSTEM, is_active=is_active)


def policy_of(channel: Channel, **lists: Any) -> Policy:
    """What merchandising wants in the channel now."""
    (rows,) = (
        Channel.objects.filter(pk=channel.pk).annotate(r=rows_in_force(timezone.now())).values_list("r", flat=True)
    )
    return Policy(rules_of(rows, channel.pk), ListPolicy(**lists))


def served(channel: Channel, asked: Asked | None = None, policy: Policy | None = None, **scope: Any) -> list[int]:
    """The product ids of one list, with the rules as they are stored."""
    kind = scope.pop("kind", RecommendationKind.BESTSELLERS)
    scope = {"first": 100, **scope}
    policy = policy or policy_of(channel)
    whole = serving.Scope(channel.pk, kind, policy=policy, **scope)
    return [one.product_id for one in serve([asked or Asked()], whole)[0]]
