"""How a statement of `serving_sql` comes to know the rules: it leaves out what is excluded, adds what pins and places
for new products may ask for, and says of each product which rules it is a target of.

Without rules and policy none of this is done, and the statement stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from saleor_crm_plugin.recommendations import serving_sql
from saleor_crm_plugin.recommendations.arranging import Policy
from saleor_crm_plugin.recommendations.merchandising import targets_sql
from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.reasons import Served

# Products read for each pin beyond its places, where some are in the cart or in the list already.
SPARE_PINS = 20
# Of the products that a pin is for, so many are tried: the newest, where it names none.
TRIED_FOR_PIN = 1_000
# New products read for their places. A page of 100 with five in ten has 50.
NEW_PRODUCTS = 50

_PIN = """(
    SELECT candidate.id AS product_id, {kind} AS reason_kind, {rule_id} AS rule_id, candidate.place AS position
    FROM (
        SELECT target.id, target.category_id, {place} AS place
        FROM product_product target WHERE {looked_up}
        ORDER BY place LIMIT {tried}
    ) candidate
    WHERE {is_target} AND {sold}
    ORDER BY candidate.place LIMIT {most}
)"""

_NEW = """(
    SELECT listing.product_id, {kind} AS reason_kind, {after_pins} AS rule_id,
        -extract(epoch FROM listing.published_at)::bigint AS position
    FROM product_productchannellisting listing
    WHERE listing.published_at > %(new_since)s AND {listed}
    ORDER BY listing.published_at DESC, listing.product_id DESC LIMIT {most}
)"""

_BRANDS = """ARRAY(
    SELECT assigned.value_id FROM attribute_assignedproductattributevalue assigned
    JOIN attribute_attributevalue value ON value.id = assigned.value_id
    JOIN attribute_attribute attribute ON attribute.id = value.attribute_id
    WHERE assigned.product_id = product.id AND attribute.slug = %(brand_attribute)s
)::bigint[]"""

_IS_NEW = """EXISTS (
    SELECT FROM product_productchannellisting listing
    WHERE listing.product_id = product.id AND listing.channel_id = %(channel)s AND listing.published_at > %(new_since)s
)"""


def with_policies(sql: str, policies: Iterable[Policy], now: datetime) -> tuple[str, dict[str, Any]]:
    """A statement that knows the rules, and the values that it needs beside its own.

    Args:
        sql: a statement of `serving_sql`.
        policies: those of its lists, each once. They differ in rules only, by who is in which segments.
    """
    policies = list(policies)
    lists = policies[0].lists
    by_id = {rule.rule_id: rule for policy in policies for rule in policy.rules}
    rules = [by_id[rule_id] for rule_id in sorted(by_id)]
    if not rules and not lists:
        return sql, {}
    values = targets_sql.parameters(rules)
    values |= {"brand_attribute": lists.brand_attribute, "new_since": now - timedelta(days=lists.new_days)}
    # First what itself asks for what is excluded.
    sql = sql.replace(serving_sql.NO_EXTRAS, _extras(rules, lists))
    sql = sql.replace(serving_sql.NO_FACTS, _facts(rules, lists))
    # What some lists only leave out is left out when they are arranged.
    excluded = [rule for rule in _of_all(policies) if rule.action is RuleAction.EXCLUDE]
    if excluded:
        condition = f"NOT {targets_sql.is_target_of_any(excluded, 'listing.product_id')}"
        sql = sql.replace(serving_sql.NOTHING_EXCLUDED, condition)
    return sql.replace("WITH asked", f"WITH {targets_sql.RULE_CATEGORY}, asked", 1), values


def _of_all(policies: Sequence[Policy]) -> list[ListRule]:
    return [rule for rule in policies[0].rules if all(rule in policy.rules for policy in policies[1:])]


def _extras(rules: Iterable[ListRule], policy: ListPolicy) -> str:
    parts = [
        _PIN.format(
            kind=Served.FEATURED.value,
            rule_id=f"{rule.rule_id:d}",
            place=targets_sql.place_of(rule),
            looked_up=targets_sql.looked_up(rule),
            tried=TRIED_FOR_PIN,
            is_target=targets_sql.is_target(rule, "candidate"),
            sold=serving_sql.sold("candidate.id"),
            most=(rule.places or 1) + SPARE_PINS,
        )
        for rule in rules
        if rule.action is RuleAction.PIN
    ]
    if policy.new_in_ten:
        parts.append(_NEW.format(kind=Served.NEW.value, after_pins=2**62, listed=serving_sql.LISTED, most=NEW_PRODUCTS))
    return " UNION ALL ".join(parts) or serving_sql.NO_EXTRAS


def _facts(rules: Iterable[ListRule], policy: ListPolicy) -> str:
    cases = [f"CASE WHEN {targets_sql.is_target(rule, 'product')} THEN {rule.rule_id:d} END" for rule in rules]
    rule_ids = f"array_remove(ARRAY[{', '.join(cases)}]::bigint[], NULL)"
    brands = _BRANDS if policy.limits_brands else "NULL::bigint[]"
    return f"{rule_ids}, {brands}, {_IS_NEW if policy.new_in_ten else 'FALSE'}"
