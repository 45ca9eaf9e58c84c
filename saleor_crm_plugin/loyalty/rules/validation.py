"""What an earning rule may say, and which field is at fault. Pure."""

from __future__ import annotations

from decimal import Decimal

from saleor_crm_plugin.config.loyalty import EXPIRY_MONTHS
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.rules.definition import Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.segment_names import slugs_among

RATE_LIMIT = Decimal(10_000)
MULTIPLIER_LIMIT = Decimal(100)
FIXED_POINTS_LIMIT = Decimal(1_000_000)
VALUE_PLACES = 6
AMOUNT_LIMIT = Decimal(1_000_000_000)
# Of one kind in one rule: what a person can still oversee, and a line is looked up in.
CONDITION_LIMIT = 1_000
PRIORITY_LIMIT = 1_000
LIMIT_LIMIT = 2**31 - 1


def validate(rule: RuleDefinition) -> None:
    """
    Raises:
        LoyaltyInputError: `INVALID` or `REQUIRED`, with the field at fault in the GraphQL spelling.
    """
    _validate_value(rule)
    if rule.starts_at is not None and rule.ends_at is not None and rule.ends_at <= rule.starts_at:
        raise _invalid("endsAt", "The rule must end after it starts.")
    if not rule.weekdays <= frozenset(range(7)):
        raise _invalid("weekdays", "Weekdays are numbers from 0 (Monday) to 6 (Sunday).")
    if abs(rule.priority) > PRIORITY_LIMIT:
        raise _invalid("priority", f"From -{PRIORITY_LIMIT} to {PRIORITY_LIMIT}.")
    _validate_conditions(rule)
    _validate_limits(rule.limits)
    _validate_action(rule)


def _validate_value(rule: RuleDefinition) -> None:
    exponent = rule.value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > VALUE_PLACES:
        raise _invalid("value", f"At most {VALUE_PLACES} decimals.")
    match rule.effect:
        case Effect.POINTS_PER_AMOUNT if not 0 < rule.value <= RATE_LIMIT:
            raise _invalid("value", f"Points per unit of currency: above 0, at most {RATE_LIMIT}.")
        case Effect.MULTIPLIER if not 1 < rule.value <= MULTIPLIER_LIMIT:
            raise _invalid("value", f"A multiplier: above 1, at most {MULTIPLIER_LIMIT}.")
        case Effect.FIXED_POINTS if not 1 <= rule.value <= FIXED_POINTS_LIMIT or rule.value % 1:
            raise _invalid("value", f"Whole points: from 1 to {FIXED_POINTS_LIMIT}.")


def _validate_conditions(rule: RuleDefinition) -> None:
    conditions = rule.conditions
    for name, values in (
        ("productIds", conditions.product_ids),
        ("categoryIds", conditions.category_ids),
        ("collectionIds", conditions.collection_ids),
        ("productTypeIds", conditions.product_type_ids),
        ("segments", conditions.segments),
        ("tierIds", conditions.tier_ids),
        ("channelIds", rule.channel_ids),
    ):
        if len(values) > CONDITION_LIMIT:
            raise _invalid(name, f"At most {CONDITION_LIMIT}.")
    minimum = conditions.minimum_subtotal
    if minimum is not None and not (minimum.is_finite() and 0 < minimum <= AMOUNT_LIMIT):
        raise _invalid("minimumSubtotal", f"Above 0, at most {AMOUNT_LIMIT}, or leave it out.")


def _validate_limits(limits: Limits) -> None:
    for name, value in (
        ("pointsPerOrder", limits.points_per_order),
        ("pointsPerCustomer", limits.points_per_customer),
        ("usesPerCustomer", limits.uses_per_customer),
        ("pointsInTotal", limits.points_in_total),
    ):
        if value is not None and not 1 <= value <= LIMIT_LIMIT:
            raise _invalid(name, f"From 1 to {LIMIT_LIMIT}, or leave it out.")
    if limits.period is not None and limits.points_per_customer is None and limits.uses_per_customer is None:
        raise _invalid("period", "A period needs a limit for one customer that it applies to.")


def _validate_action(rule: RuleDefinition) -> None:
    """An action has no order, so a rule for one says nothing about orders; and the other way round.

    Raises:
        LoyaltyInputError: `INVALID`, with the field at fault.
    """
    if rule.referral_side is not None and rule.trigger != Trigger.REFERRAL:
        raise _invalid("referralSide", "Only a rule for referrals has sides.")
    if not rule.trigger.is_action:
        if rule.expires_after_months is not None:
            raise _invalid("expiresAfterMonths", "Points for orders expire as the channel's settings say.")
        return
    if rule.effect != Effect.FIXED_POINTS:
        raise _invalid("effect", "There is no order to count from: FIXED_POINTS only.")
    least, most = EXPIRY_MONTHS
    if rule.expires_after_months is not None and not least <= rule.expires_after_months <= most:
        raise _invalid("expiresAfterMonths", f"From {least} to {most}, or leave it out: the points never expire.")
    conditions = rule.conditions
    about_orders: list[tuple[str, object]] = [
        ("productIds", conditions.product_ids),
        ("categoryIds", conditions.category_ids),
        ("collectionIds", conditions.collection_ids),
        ("productTypeIds", conditions.product_type_ids),
        ("minimumSubtotal", conditions.minimum_subtotal),
        ("buyerType", conditions.customer_type),
        ("pointsPerOrder", rule.limits.points_per_order),
    ]
    for name, value in about_orders:
        if value:
            raise _invalid(name, "It is about orders, and this rule is for something else. Leave it out.")
    if rule.channel_ids and rule.trigger not in (Trigger.REFERRAL, Trigger.FEEDBACK):
        raise _invalid("channelIds", "It happens in no channel: leave them out.")
    if conditions.tier_ids and rule.trigger == Trigger.SIGN_UP:
        raise _invalid("tierIds", "Who signs up is in no tier yet. Leave it out.")
    if slugs_among(conditions.segments) and rule.trigger == Trigger.SIGN_UP:
        raise _invalid("customerSegments", "Points for signing up ask for no segment: leave them out.")
    if conditions.segments and rule.trigger == Trigger.SIGN_UP:
        raise _invalid("segments", "Whoever signs up is in no group yet: leave them out.")


def _invalid(field_name: str, message: str) -> LoyaltyInputError:
    return LoyaltyInputError(message, "INVALID", field_name)
