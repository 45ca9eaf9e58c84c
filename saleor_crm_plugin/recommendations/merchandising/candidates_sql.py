"""How the statement of `serving_sql` comes to know the rules: it leaves out what is excluded, adds what pins and places
for new products may ask for, and says of each product which rules it is a target of.

Without rules and policy none of this is done, and the statement stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from saleor_crm_plugin.recommendations import serving_sql
from saleor_crm_plugin.recommendations.arranging import Policy
from saleor_crm_plugin.recommendations.merchandising import targets_sql
from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.reasons import Served
from saleor_crm_plugin.recommendations.serving_sold import LISTED, NOTHING_EXCLUDED, sold
from saleor_crm_plugin.recommendations.serving_sources import without_knowledge

# Products read for each pin beyond its places, where some are in the cart or in the list already.
SPARE_PINS: Final = 20
# So many are tried: of the products that a pin is for (the newest, where it names none), and of the newest. A shop that
# was imported last week has published its whole catalogue since.
TRIED: Final = 1_000
# New products read for their places. A page of 100 with five in ten has 50.
NEW_PRODUCTS: Final = 50
# Of extras the pins go first; the numbers of their places are smaller than this.
_AFTER_PINS: Final = 2**40

_PIN: Final = """(
    SELECT candidate.id AS product_id, {kind} AS reason_kind, candidate.place::float8 AS position, sale.category_id
    FROM (
        SELECT target.id, target.category_id, {place} AS place
        FROM product_product target WHERE {looked_up}
        ORDER BY place LIMIT {tried}
    ) candidate
    {sold}
    WHERE {is_target}
    ORDER BY candidate.place LIMIT {most}
)"""

_NEW: Final = """(
    SELECT candidate.product_id, {kind} AS reason_kind,
        {after_pins} - extract(epoch FROM candidate.published_at)::float8 AS position, sale.category_id
    FROM (
        SELECT listing.product_id, listing.published_at FROM product_productchannellisting listing
        WHERE listing.published_at > %(new_since)s AND {listed}
        ORDER BY listing.published_at DESC, listing.product_id DESC LIMIT {tried}
    ) candidate
    {sold}
    ORDER BY candidate.published_at DESC, candidate.product_id DESC LIMIT {most}
)"""

_BRANDS: Final = """ARRAY(
    SELECT assigned.value_id FROM attribute_assignedproductattributevalue assigned
    JOIN attribute_attributevalue value ON value.id = assigned.value_id
    JOIN attribute_attribute attribute ON attribute.id = value.attribute_id
    WHERE assigned.product_id = page.product_id AND attribute.slug = %(brand_attribute)s
)::bigint[]"""

_IS_NEW: Final = """EXISTS (
    SELECT FROM product_productchannellisting listing
    WHERE listing.product_id = page.product_id AND listing.channel_id = %(channel)s
        AND listing.published_at > %(new_since)s AND listing.published_at <= %(now)s
)"""


def with_policies(
    sql: str, policies: Iterable[Policy], now: datetime, *, with_excluded: bool = False
) -> tuple[str, dict[str, Any]]:
    """A statement that knows the rules, and the values that it needs beside its own.

    Args:
        sql: a statement of `serving_sql`.
        policies: those of its lists. They differ in rules only, by who is in which segments.
        with_excluded: do not leave out what is excluded.
    """
    policies = list(dict.fromkeys(policies))
    lists = policies[0].lists
    by_id = {rule.rule_id: rule for policy in policies for rule in policy.rules}
    rules = [by_id[rule_id] for rule_id in sorted(by_id)]
    if not rules and not lists:
        return sql, {}
    values = targets_sql.parameters(rules)
    values |= {"brand_attribute": lists.brand_attribute, "new_since": now - timedelta(days=lists.new_days)}
    sql = sql.replace(serving_sql.NO_RULE_CATEGORIES, targets_sql.RULE_CATEGORY)
    sql = sql.replace(serving_sql.NO_FACTS, _facts(rules, lists))
    # Before the exclusion, which holds for these, too.
    sql = sql.replace(serving_sql.NO_EXTRAS, _extras(rules, lists))
    # What only some of the lists leave out is left out when they are arranged.
    excluded = [rule for rule in _of_all(policies) if rule.action is RuleAction.EXCLUDE]
    if excluded and not with_excluded:
        conditions = " OR ".join(f"({_is_target(rule, 'product')})" for rule in excluded)
        sql = sql.replace(NOTHING_EXCLUDED, f"NOT COALESCE({conditions}, FALSE)")
    return sql, values


def _of_all(policies: Sequence[Policy]) -> list[ListRule]:
    return [rule for rule in policies[0].rules if all(rule in policy.rules for policy in policies[1:])]


def _extras(rules: Iterable[ListRule], policy: ListPolicy) -> str:
    parts = [
        _PIN.format(
            kind=Served.FEATURED.value,
            place=targets_sql.place_of(rule),
            looked_up=targets_sql.looked_up(rule),
            tried=TRIED,
            is_target=_is_target(rule, "candidate"),
            sold=sold("candidate.id"),
            most=(rule.places or 1) + SPARE_PINS,
        )
        for rule in rules
        if rule.action is RuleAction.PIN
    ]
    if policy.new_in_ten:
        parts.append(
            _NEW.format(
                kind=Served.NEW.value,
                after_pins=_AFTER_PINS,
                listed=LISTED,
                tried=TRIED,
                sold=sold("candidate.product_id"),
                most=NEW_PRODUCTS,
            )
        )
    # A product of two pins comes once.
    columns = f"product_id, {without_knowledge('found.reason_kind')}, position, category_id"
    found = " UNION ALL ".join(parts)
    return f"SELECT DISTINCT ON (product_id) {columns} FROM ({found}) found ORDER BY product_id, position"


def _facts(rules: Iterable[ListRule], policy: ListPolicy) -> str:
    cases = [
        f"CASE WHEN {targets_sql.is_target(rule, 'page.product_id', 'page.category_id')} THEN {rule.rule_id:d} END"
        for rule in rules
    ]
    rule_ids = f"array_remove(ARRAY[{', '.join(cases)}]::bigint[], NULL)"
    brands = _BRANDS if policy.limits_brands else "NULL::bigint[]"
    return f"{rule_ids}, {brands}, {_IS_NEW if policy.new_in_ten else 'FALSE'}"


def _is_target(rule: ListRule, row: str) -> str:
    return targets_sql.is_target(rule, f"{row}.id", f"{row}.category_id")
