"""How the statement of `serving_sql` comes to know the rules: it leaves out what is excluded, adds what pins and places
for new products may ask for, and says of each product what rules want to know.

Without rules and policy none of this is done, and the statement stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from saleor_crm_plugin.recommendations import serving_sql
from saleor_crm_plugin.recommendations.arranging import Policy
from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction
from saleor_crm_plugin.recommendations.merchandising.matching import RuleIndex
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.merchandising.targets_sql import NO_FACT, LookedUp, Named
from saleor_crm_plugin.recommendations.reasons import Served
from saleor_crm_plugin.recommendations.serving_sold import LISTED, NOTHING_EXCLUDED, sold
from saleor_crm_plugin.recommendations.serving_sources import without_knowledge

# Products read for a pin beyond its places: some may be in the cart, or pinned by another rule.
SPARE_PINS: Final = 20
# So many are tried: of the products that such a pin is for, the newest; and of the newest of the channel. A shop that
# was imported last week has published its whole catalogue since.
TRIED: Final = 1_000
# New products read for their places. A page of 100 with five in ten has 50.
NEW_PRODUCTS: Final = 50

# The numbers of extras' places: products that pins name, then those of other pins, then new ones. Ids and seconds are
# smaller than the steps between.
_TARGETS_FROM: Final = 2**32
_NEW_FROM: Final = 2**34

_NAMED_PINS: Final = """(
    SELECT pinned.product_id, {kind} AS reason_kind, pinned.position::float8 AS position, pinned.category_id
    FROM (
        SELECT named.product_id, named.position, named.most, sale.category_id,
            row_number() OVER (PARTITION BY named.rule_id ORDER BY named.position) AS place
        FROM unnest(%(pinned)s::int[], %(pinned_by)s::bigint[], %(pinned_most)s::int[]) WITH ORDINALITY
            AS named (product_id, rule_id, most, position)
        {sold}
    ) pinned
    WHERE pinned.place <= pinned.most
)"""

# All pins that look up their products in the same way: as many queries as there are such ways, however many pins.
_PINS: Final = """(
    SELECT candidate.id AS product_id, {kind} AS reason_kind, {from_} - candidate.id::float8 AS position,
        candidate.category_id
    FROM unnest({given}) AS pin (most{columns})
    CROSS JOIN LATERAL (
        SELECT candidate.id, sale.category_id
        FROM (
            SELECT target.id FROM product_product target WHERE {looked_up} ORDER BY target.id DESC LIMIT {tried}
        ) candidate
        {sold}
        ORDER BY candidate.id DESC LIMIT pin.most
    ) candidate
)"""

_NEW: Final = """(
    SELECT candidate.product_id, {kind} AS reason_kind,
        {from_} - extract(epoch FROM candidate.published_at)::float8 AS position, sale.category_id
    FROM (
        SELECT listing.product_id, listing.published_at FROM product_productchannellisting listing
        WHERE listing.published_at > %(new_since)s AND listing.published_at <= %(now)s AND {listed}
        ORDER BY listing.published_at DESC, listing.product_id DESC LIMIT {tried}
    ) candidate
    {sold}
    ORDER BY candidate.published_at DESC, candidate.product_id DESC LIMIT {most}
)"""

_BRANDS: Final = """ARRAY(
    SELECT assigned.value_id FROM attribute_assignedproductattributevalue assigned
    JOIN attribute_attributevalue value ON value.id = assigned.value_id
    WHERE assigned.product_id = page.product_id
        AND value.attribute_id = (SELECT id FROM attribute_attribute WHERE slug = %(brand_attribute)s)
)"""

_IS_NEW: Final = """EXISTS (
    SELECT FROM product_productchannellisting listing
    WHERE listing.product_id = page.product_id AND listing.channel_id = %(channel)s
        AND listing.published_at > %(new_since)s AND listing.published_at <= %(now)s
)"""

_NOT_IN_CATEGORIES: Final = """(
    product.category_id IS NULL OR product.category_id <> ALL (ARRAY(
        SELECT category_id FROM rule_category WHERE named_id = ANY (%(excluded_categories)s::int[])
    ))
)"""


class Ruled:
    """A statement that knows the rules.

    Args:
        sql: a statement of `serving_sql`.
        policies: those of its lists. They differ in rules only, by who is in which segments.
        with_excluded: do not leave out what is excluded.

    Attributes:
        sql: the statement.
        values: what it needs beside its own.
        excluded: ids of products that it must keep out of every list.
        is_complete: nothing that it gives back is excluded. Otherwise some is, which the arranging takes out: what only
            some lists leave out, and what is excluded by more than a category or a product.
    """

    def __init__(self, sql: str, policies: Iterable[Policy], now: datetime, *, with_excluded: bool = False) -> None:
        policies = list(dict.fromkeys(policies))
        lists = policies[0].lists
        by_id = {rule.rule_id: rule for policy in policies for rule in policy.rules}
        self.rules: Sequence[ListRule] = [by_id[rule_id] for rule_id in sorted(by_id)]
        self._named = Named(self.rules)
        self._index = RuleIndex(self.rules)
        self._rule_ids: dict[int, frozenset[int]] = {}
        self.sql, self.values, self.excluded, self.is_complete = sql, dict[str, Any](), list[int](), True
        if not self.rules and not lists:
            return
        self.values = {
            **self._named.parameters(),
            "brand_attribute": lists.brand_attribute,
            "new_since": now - timedelta(days=lists.new_days),
        }
        if not with_excluded:
            self._exclude(policies)
        self._put(serving_sql.NO_RULES, self._named.before())
        self._put(serving_sql.NO_FACTS, self._facts(lists))
        # What is excluded is excluded of these, too: see `sold`.
        extras = self._extras(lists)
        if extras:
            self._put(serving_sql.NO_EXTRAS, extras)
        categories = self.values.get("excluded_categories")
        if categories:
            self._put(NOTHING_EXCLUDED, _NOT_IN_CATEGORIES)

    def rule_ids_of(
        self, product_id: int, categories: Sequence[int], collections: Sequence[int], values: Sequence[int]
    ) -> frozenset[int]:
        """The rules whose target a product is.

        Args:
            categories, collections, values: as the statement gives them.
        """
        # A product is often in several lists of a statement.
        found = self._rule_ids.get(product_id)
        if found is None:
            has = {self._named.values[number - 1] for number in values}
            found = self._rule_ids[product_id] = self._index.ids_for(product_id, categories, collections, has)
        return found

    def _put(self, place: str, text: str) -> None:
        self.sql = self.sql.replace(place, text)

    def _exclude(self, policies: Sequence[Policy]) -> None:
        categories: list[int] = []
        for rule in self.rules:
            if rule.action is not RuleAction.EXCLUDE:
                continue
            if not all(rule in policy.rules for policy in policies):
                self.is_complete = False
            elif rule.targets.are_products:
                self.excluded += rule.targets.product_ids
            elif rule.targets.are_categories:
                categories += rule.targets.category_ids
            else:
                self.is_complete = False
        if categories:
            self.values["excluded_categories"] = sorted(categories)

    def _extras(self, lists: ListPolicy) -> str:
        pins = [rule for rule in self.rules if rule.action is RuleAction.PIN]
        pins.sort(key=lambda rule: (-rule.priority, rule.rule_id))
        parts = []
        named = [(one, rule.rule_id, _most(rule)) for rule in pins for one in rule.targets.product_ids]
        if named:
            products, rule_ids, most = zip(*named, strict=True)
            self.values |= {"pinned": list(products), "pinned_by": list(rule_ids), "pinned_most": list(most)}
            parts.append(_NAMED_PINS.format(kind=Served.FEATURED.value, sold=sold("named.product_id")))
        parts += self._looked_up([rule for rule in pins if not rule.targets.product_ids])
        if lists.new_in_ten:
            parts.append(
                _NEW.format(
                    kind=Served.NEW.value,
                    from_=_NEW_FROM,
                    listed=LISTED,
                    tried=TRIED,
                    sold=sold("candidate.product_id"),
                    most=NEW_PRODUCTS,
                )
            )
        if not parts:
            return ""
        # Each product once.
        columns = f"product_id, {without_knowledge('found.reason_kind')}, position, category_id"
        found = " UNION ALL ".join(parts)
        return f"SELECT DISTINCT ON (product_id) {columns} FROM ({found}) found ORDER BY product_id, position"  # nosec B608  # constants only; values are parameters

    def _looked_up(self, pins: Sequence[ListRule]) -> list[str]:
        forms: dict[tuple[bool, bool, int], list[tuple[LookedUp, int]]] = {}
        for rule in pins:
            looked_up = LookedUp.by(rule, self._named)
            forms.setdefault(looked_up.form, []).append((looked_up, _most(rule)))
        parts = []
        for number, some in enumerate(forms.values()):
            names = [f"target_{place}" for place in range(len(some[0][0].targets))]
            self.values[f"pins_{number}_most"] = [most for _, most in some]
            for place, name in enumerate(names):
                self.values[f"pins_{number}_{name}"] = [looked_up.targets[place] for looked_up, _ in some]
            given = [f"%(pins_{number}_most)s::int[]", *(f"%(pins_{number}_{name})s::text[]" for name in names)]
            parts.append(
                _PINS.format(
                    kind=Served.FEATURED.value,
                    from_=_TARGETS_FROM,
                    given=", ".join(given),
                    columns="".join(f", {name}" for name in names),
                    looked_up=some[0][0].condition([f"pin.{name}" for name in names]),
                    tried=TRIED,
                    sold=sold("candidate.id"),
                )
            )
        return parts

    def _facts(self, lists: ListPolicy) -> str:
        brands = _BRANDS if lists.limits_brands else NO_FACT
        return f"{self._named.facts()}, {brands}, {_IS_NEW if lists.new_in_ten else 'FALSE'}"


def _most(rule: ListRule) -> int:
    return (rule.places or 1) + SPARE_PINS
