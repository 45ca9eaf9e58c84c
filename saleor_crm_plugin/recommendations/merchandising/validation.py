"""What a merchandising rule may say, and which field is at fault. Pure."""

from __future__ import annotations

from collections.abc import Sized

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction, RuleDefinition
from saleor_crm_plugin.recommendations.merchandising.limits import (
    FACTOR_LIMIT,
    NAME_MAX_LENGTH,
    PLACES_LIMIT,
    POSITION_LIMIT,
    PRIORITY_LIMIT,
    TARGET_LIMIT,
)


def validate(rule: RuleDefinition) -> None:
    """
    Raises:
        RecommendationInputError: `INVALID` or `REQUIRED`, with the field at fault in the GraphQL spelling.
    """
    if rule.action is RuleAction.PIN:
        _validate_place(rule)
    elif rule.position is not None or rule.places is not None:
        name = "position" if rule.position is not None else "places"
        raise _invalid(name, "Only a PIN has a place: leave it out.")
    if rule.action in (RuleAction.BOOST, RuleAction.BURY):
        _validate_factor(rule.factor)
    elif rule.factor is not None:
        raise _invalid("factor", "Only BOOST and BURY have a factor: leave it out.")
    _validate_targets(rule)
    _validate_scope(rule)
    if abs(rule.priority) > PRIORITY_LIMIT:
        raise _invalid("priority", f"From -{PRIORITY_LIMIT} to {PRIORITY_LIMIT}.")


def checked_name(name: str) -> str:
    """The name without spaces around it.

    Raises:
        RecommendationInputError: empty or too long.
    """
    name = name.strip()
    if not 0 < len(name) <= NAME_MAX_LENGTH:
        raise _invalid("name", f"Give a name of 1 to {NAME_MAX_LENGTH} characters.")
    return name


def _validate_place(rule: RuleDefinition) -> None:
    if rule.position is None:
        raise RecommendationInputError("A PIN needs the place that it takes.", "REQUIRED", "position")
    if not 1 <= rule.position <= POSITION_LIMIT:
        raise _invalid("position", f"From 1 to {POSITION_LIMIT}.")
    if rule.places is None or not 1 <= rule.places <= PLACES_LIMIT:
        raise _invalid("places", f"A PIN takes from 1 to {PLACES_LIMIT} places.")
    if rule.position + rule.places - 1 > POSITION_LIMIT:
        raise _invalid("places", f"The last place that a PIN can take is {POSITION_LIMIT}.")


def _validate_factor(factor: float | None) -> None:
    if factor is None:
        raise RecommendationInputError("BOOST and BURY need a factor.", "REQUIRED", "factor")
    if not 1 < factor <= FACTOR_LIMIT:
        raise _invalid("factor", f"Above 1, at most {FACTOR_LIMIT}.")


def _validate_targets(rule: RuleDefinition) -> None:
    targets = rule.targets
    if not targets:
        raise RecommendationInputError("Say which products the rule is for.", "REQUIRED", "targets")
    of_kinds: list[tuple[str, Sized]] = [
        ("productIds", targets.product_ids),
        ("categoryIds", targets.category_ids),
        ("collectionIds", targets.collection_ids),
        ("attributes", [value for values in targets.attribute_values.values() for value in values]),
    ]
    for name, values in of_kinds:
        if len(values) > TARGET_LIMIT:
            raise _invalid(name, f"At most {TARGET_LIMIT}.")
    if not all(targets.attribute_values.values()):
        raise _invalid("attributes", "Name at least one value of each attribute.")


def _validate_scope(rule: RuleDefinition) -> None:
    scope = rule.scope
    for name, values in (("channelIds", scope.channel_ids), ("segmentIds", scope.segment_ids)):
        if len(values) > TARGET_LIMIT:
            raise _invalid(name, f"At most {TARGET_LIMIT}.")
    if scope.starts_at is not None and scope.ends_at is not None and scope.ends_at <= scope.starts_at:
        raise _invalid("endsAt", "The rule must end after it starts.")


def _invalid(field: str, message: str) -> RecommendationInputError:
    return RecommendationInputError(message, "INVALID", field)
