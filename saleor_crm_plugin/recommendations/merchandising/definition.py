"""What a merchandising rule says: what it does, to which products, and in whose lists. Pure.

A rule applies to a list if channel, kind, date and customer all fit; in that list, to the products that are its
targets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RuleAction(StrEnum):
    """What a rule does with its products. EXCLUDE wins over everything, a PIN over the other two."""

    PIN = "pin"
    BOOST = "boost"
    BURY = "bury"
    EXCLUDE = "exclude"


@dataclass(frozen=True, slots=True)
class Targets:
    """The products that a rule is for.

    Of each kind that is given, a product has to be in one: one of the products, in one of the categories (or below), in
    one of the collections; for each attribute it has to have one of the values. What is empty restricts nothing. What
    the shop has deleted matches nothing, and does not make a rule wider.

    Attributes:
        product_ids: in the order in which a PIN places them.
        attribute_values: slug of an attribute -> slugs of its values.
    """

    product_ids: tuple[int, ...] = ()
    category_ids: frozenset[int] = frozenset()
    collection_ids: frozenset[int] = frozenset()
    attribute_values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.product_ids or self.category_ids or self.collection_ids or self.attribute_values)

    @property
    def are_products(self) -> bool:
        """Products are named, and nothing else."""
        return bool(self.product_ids) and not (self.category_ids or self.collection_ids or self.attribute_values)

    @property
    def are_categories(self) -> bool:
        """Categories are named, and nothing else."""
        return bool(self.category_ids) and not (self.product_ids or self.collection_ids or self.attribute_values)

    def hold(
        self,
        product_id: int,
        category_ids: Collection[int],
        collection_ids: Collection[int],
        values: Collection[tuple[str, str]],
    ) -> bool:
        """Whether a product is one of these.

        Args:
            category_ids: its category, and all above it.
            values: slugs of its attributes and of their values. Of these three, more than is named here does no harm.
        """
        return (
            bool(self)
            and (not self.product_ids or product_id in self.product_ids)
            and (not self.category_ids or not self.category_ids.isdisjoint(category_ids))
            and (not self.collection_ids or not self.collection_ids.isdisjoint(collection_ids))
            and all(any((slug, value) in values for value in wanted) for slug, wanted in self.attribute_values.items())
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """The lists that a rule is for; an empty set restricts nothing.

    Attributes:
        kinds: values of `RecommendationKind`.
        segment_ids: the customer has to be in one of these segments; whoever is not known is in none.
        ends_at: first moment at which it no longer applies.
    """

    channel_ids: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    segment_ids: frozenset[int] = frozenset()
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """
    Attributes:
        position: of a PIN, the first place that it takes, from 1.
        places: of a PIN, how many places from there on.
        factor: of BOOST and BURY. A product at place 12 goes, with factor 3, where one at place 4 would go; or 36.
        priority: higher goes first, where two PINs want one place.
    """

    action: RuleAction
    targets: Targets
    scope: Scope = field(default_factory=Scope)
    position: int | None = None
    places: int | None = None
    factor: float | None = None
    priority: int = 0

    def as_columns(self) -> dict[str, Any]:
        """The rule as the columns of its row."""
        targets, scope = self.targets, self.scope
        return {
            "action": self.action.value,
            "position": self.position,
            "places": self.places,
            "factor": self.factor,
            "product_ids": list(targets.product_ids),
            "category_ids": sorted(targets.category_ids),
            "collection_ids": sorted(targets.collection_ids),
            "attribute_values": {slug: sorted(values) for slug, values in sorted(targets.attribute_values.items())},
            "channel_ids": sorted(scope.channel_ids),
            "kinds": sorted(scope.kinds),
            "segment_ids": sorted(scope.segment_ids),
            "starts_at": scope.starts_at,
            "ends_at": scope.ends_at,
            "priority": self.priority,
        }

    @classmethod
    def from_columns(cls, row: Any) -> RuleDefinition:
        """What a row says.

        Args:
            row: anything with the columns as attributes.
        """
        return cls(
            action=RuleAction(row.action),
            targets=Targets(
                product_ids=tuple(row.product_ids),
                category_ids=frozenset(row.category_ids),
                collection_ids=frozenset(row.collection_ids),
                attribute_values={slug: frozenset(values) for slug, values in row.attribute_values.items()},
            ),
            scope=Scope(
                channel_ids=frozenset(row.channel_ids),
                kinds=frozenset(row.kinds),
                segment_ids=frozenset(row.segment_ids),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
            ),
            position=row.position,
            places=row.places,
            factor=row.factor,
            priority=row.priority,
        )


@dataclass(frozen=True, slots=True)
class ListRule:
    """A rule in force in a channel, as far as arranging a list needs it; attributes as in the definition."""

    rule_id: int
    name: str
    action: RuleAction
    targets: Targets = field(default_factory=Targets)
    position: int | None = None
    places: int | None = None
    factor: float | None = None
    priority: int = 0
    kinds: frozenset[str] = frozenset()
    segment_ids: frozenset[int] = frozenset()

    def applies_to(self, kind: str, segment_ids: Collection[int]) -> bool:
        """Whether it has a say in a list of this kind for somebody in these segments."""
        return (not self.kinds or kind in self.kinds) and (
            not self.segment_ids or not self.segment_ids.isdisjoint(segment_ids)
        )
