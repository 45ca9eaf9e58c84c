"""How staff set tiers up. Each edit makes the next review look at everybody (`TierPolicy.version`)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.models import LoyaltyProgram
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierPolicy
from saleor_crm_plugin.loyalty.tiers.standing import Basis
from saleor_crm_plugin.loyalty.tiers.windows import WindowKind

# All of them are looked at for every account.
MAX_TIERS = 20
NAME_MAX_LENGTH = 128
DESCRIPTION_MAX_LENGTH = 1000
LEVEL_LIMIT = 1_000
THRESHOLD_LIMIT = Decimal(1_000_000_000)
THRESHOLD_PLACES = 3
MULTIPLIER_LIMIT = Decimal(100)
MULTIPLIER_PLACES = 4
ENTRY_POINTS_LIMIT = 1_000_000
WINDOW_DAYS_LIMIT = 3_660
WINDOW_MONTHS_LIMIT = 120
GRACE_DAYS_LIMIT = 366


def update_policy(program_id: int, changes: Mapping[str, Any]) -> TierPolicy:
    """Set what is given of the policy: `basis`, `currency`, `window`, `window_days`, `window_months`, `grace_days`,
    `downgrade`.

    Raises:
        LoyaltyInputError: `INVALID` or `REQUIRED`, with the field.
    """
    with transaction.atomic():
        policy = _locked_policy(program_id)
        for name, value in changes.items():
            setattr(policy, name, value)
        if policy.basis == Basis.POINTS_EARNED:
            if changes.get("currency"):
                raise _invalid("currency", "Points have no currency.")
            policy.currency = ""
        elif not policy.currency:
            raise LoyaltyInputError("Say in which currency spending counts.", "REQUIRED", "currency")
        _check_window(policy, changes)
        if not 0 <= policy.grace_days <= GRACE_DAYS_LIMIT:
            raise _invalid("graceDays", f"From 0 to {GRACE_DAYS_LIMIT}.")
        for tier in _live_tiers(program_id):
            _check_whole(tier, policy, "basis")
        policy.version += 1
        policy.save()
    return policy


def create_tier(program_id: int, values: Mapping[str, Any]) -> LoyaltyTier:
    """Make a tier of `name`, `level`, `threshold`, and, if given, `description`, `earning_multiplier`, `entry_points`.

    Raises:
        LoyaltyInputError: `REQUIRED`, `INVALID` or `OVERLAPPING`, with the field.
    """
    for name in ("name", "level", "threshold"):
        if values.get(name) is None:
            raise LoyaltyInputError("A new tier needs it.", "REQUIRED", name)
    with transaction.atomic():
        policy = _locked_policy(program_id)
        if len(_live_tiers(program_id)) >= MAX_TIERS:
            raise LoyaltyInputError(f"There are {MAX_TIERS} tiers already: delete one first.", "INVALID")
        tier = LoyaltyTier(program_id=program_id)
        _save(tier, values, policy)
    return tier


def update_tier(tier_id: int, values: Mapping[str, Any]) -> LoyaltyTier:
    """Change what is given. Points that were earned by the tier's multiplier stay.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `INVALID` or `OVERLAPPING`, with the field.
    """
    with transaction.atomic():
        policy = _locked_policy(_tier(tier_id).program_id)
        tier = _tier(tier_id)
        _save(tier, values, policy)
    return tier


def delete_tier(tier_id: int) -> LoyaltyTier:
    """Retire a tier for good. Whoever is in it goes to the next lower one, or to what they have earned.

    Raises:
        LoyaltyInputError: there is no such tier.
    """
    with transaction.atomic():
        policy = _locked_policy(_tier(tier_id).program_id)
        tier = _tier(tier_id)
        tier.deleted_at = timezone.now()
        tier.save()
        policy.version += 1
        policy.save()
    return tier


def _locked_policy(program_id: int) -> TierPolicy:
    """The policy. Edits of one program wait for each other."""
    LoyaltyProgram.objects.select_for_update().get(pk=program_id)
    return TierPolicy.objects.get_or_create(program_id=program_id)[0]


def _live_tiers(program_id: int) -> list[LoyaltyTier]:
    return list(LoyaltyTier.objects.filter(program_id=program_id, deleted_at__isnull=True).order_by("level"))


def _tier(tier_id: int) -> LoyaltyTier:
    tier = LoyaltyTier.objects.filter(pk=tier_id, deleted_at__isnull=True).first()
    if tier is None:
        raise LoyaltyInputError("There is no such tier.", "NOT_FOUND", "id")
    return tier


def _save(tier: LoyaltyTier, values: Mapping[str, Any], policy: TierPolicy) -> None:
    for name, value in values.items():
        if value is not None:
            setattr(tier, name, value.strip() if isinstance(value, str) else value)
    _check_values(tier)
    _check_whole(tier, policy, "threshold")
    _check_order(tier)
    tier.save()
    policy.version += 1
    policy.save()


def _check_values(tier: LoyaltyTier) -> None:
    if not 0 < len(tier.name) <= NAME_MAX_LENGTH:
        raise _invalid("name", f"Give a name of 1 to {NAME_MAX_LENGTH} characters.")
    if len(tier.description) > DESCRIPTION_MAX_LENGTH:
        raise _invalid("description", f"At most {DESCRIPTION_MAX_LENGTH} characters.")
    if not 1 <= tier.level <= LEVEL_LIMIT:
        raise _invalid("level", f"From 1 to {LEVEL_LIMIT}.")
    if not _is_number(tier.threshold, THRESHOLD_PLACES) or not 0 <= tier.threshold <= THRESHOLD_LIMIT:
        raise _invalid("threshold", f"From 0 to {THRESHOLD_LIMIT}, with at most {THRESHOLD_PLACES} decimals.")
    multiplier = tier.earning_multiplier
    if not _is_number(multiplier, MULTIPLIER_PLACES) or not 1 <= multiplier <= MULTIPLIER_LIMIT:
        raise _invalid("earningMultiplier", f"From 1 to {MULTIPLIER_LIMIT}, with at most {MULTIPLIER_PLACES} decimals.")
    if not 0 <= tier.entry_points <= ENTRY_POINTS_LIMIT:
        raise _invalid("entryPoints", f"From 0 to {ENTRY_POINTS_LIMIT}.")


def _check_whole(tier: LoyaltyTier, policy: TierPolicy, field: str) -> None:
    if policy.basis == Basis.POINTS_EARNED and tier.threshold % 1:
        raise _invalid(field, f"Points are whole numbers, and the threshold of “{tier.name}” is not.")


def _check_order(tier: LoyaltyTier) -> None:
    """A customer is in one tier: a higher level must be harder to reach."""
    for other in _live_tiers(tier.program_id):
        if other.pk == tier.pk:
            continue
        if other.level == tier.level:
            raise _overlapping("level", f"“{other.name}” has this level already.")
        if (other.threshold < tier.threshold) != (other.level < tier.level) or other.threshold == tier.threshold:
            than = "more" if other.level < tier.level else "less"
            raise _overlapping(
                "threshold",
                f"“{other.name}” (level {other.level}) needs {other.threshold.normalize():f}: "
                f"level {tier.level} must need {than}.",
            )


def _check_window(policy: TierPolicy, changes: Mapping[str, Any]) -> None:
    days, months = changes.get("window_days"), changes.get("window_months")
    if policy.window != WindowKind.ROLLING:
        for name, value in (("windowDays", days), ("windowMonths", months)):
            if value is not None:
                raise _invalid(name, "Only a rolling window has a length.")
        policy.window_days = policy.window_months = None
        return
    if days is not None and months is not None:
        raise _invalid("windowMonths", "Give the length in days or in months, not both.")
    if days is not None:
        policy.window_months = None
    elif months is not None:
        policy.window_days = None
    elif policy.window_days is None and policy.window_months is None:
        raise LoyaltyInputError("Say how long the window is, in days or months.", "REQUIRED", "windowMonths")
    if policy.window_days is not None and not 1 <= policy.window_days <= WINDOW_DAYS_LIMIT:
        raise _invalid("windowDays", f"From 1 to {WINDOW_DAYS_LIMIT}.")
    if policy.window_months is not None and not 1 <= policy.window_months <= WINDOW_MONTHS_LIMIT:
        raise _invalid("windowMonths", f"From 1 to {WINDOW_MONTHS_LIMIT}.")


def _is_number(value: Decimal, places: int) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= places


def _invalid(field: str, message: str) -> LoyaltyInputError:
    return LoyaltyInputError(message, "INVALID", field)


def _overlapping(field: str, message: str) -> LoyaltyInputError:
    return LoyaltyInputError(message, "OVERLAPPING", field)
