"""How staff make, change and retire merchandising rules. Each edit is a version, with who made it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.recommendations.merchandising.definition import RuleDefinition
from saleor_crm_plugin.recommendations.merchandising.limits import MAX_ACTIVE_RULES, MAX_RULES
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule, MerchandisingRuleVersion
from saleor_crm_plugin.recommendations.merchandising.validation import checked_name, validate


def create_rule(name: str, definition: RuleDefinition, actor: Actor, *, is_active: bool = False) -> MerchandisingRule:
    """
    Raises:
        RecommendationInputError: a value is wrong (with its field), or there are too many rules.
    """
    validate(definition)
    rule = MerchandisingRule(name=checked_name(name), is_active=is_active, **definition.as_columns())
    with transaction.atomic():
        _wait_for_other_edits()
        if MerchandisingRule.objects.filter(deleted_at__isnull=True).count() >= MAX_RULES:
            raise RecommendationInputError(f"There are {MAX_RULES} rules already: delete one first.", "INVALID")
        _check_room(rule)
        rule.save()
        _write_version(rule, actor)
    return rule


def update_rule(
    rule_id: int,
    actor: Actor,
    *,
    name: str | None = None,
    is_active: bool | None = None,
    change: Callable[[RuleDefinition], RuleDefinition] = lambda before: before,
) -> MerchandisingRule:
    """Change a rule for the next answer. What changes nothing is no edit.

    Args:
        change: what the rule says, from what it said.

    Raises:
        RecommendationInputError: there is no such rule, a value is wrong, or there are too many active ones.
    """
    with transaction.atomic():
        _wait_for_other_edits()
        rule = _present(rule_id)
        before = (rule.name, rule.is_active, RuleDefinition.from_columns(rule))
        rule.name = rule.name if name is None else checked_name(name)
        rule.is_active = rule.is_active if is_active is None else is_active
        definition = change(before[2])
        validate(definition)
        if (rule.name, rule.is_active, definition) == before:
            return rule
        for column, value in definition.as_columns().items():
            setattr(rule, column, value)
        _check_room(rule)
        rule.version += 1
        rule.save()
        _write_version(rule, actor)
    return rule


def delete_rule(rule_id: int, actor: Actor) -> MerchandisingRule:
    """Retire a rule for good.

    Raises:
        RecommendationInputError: there is no such rule.
    """
    with transaction.atomic():
        _wait_for_other_edits()
        rule = _present(rule_id)
        rule.is_active, rule.deleted_at = False, timezone.now()
        rule.version += 1
        rule.save()
        _write_version(rule, actor, is_deletion=True)
    return rule


def _wait_for_other_edits() -> None:
    """So that two at once do not both take the last room. Readers go on; staff edit rules a few times a day."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE crm_merchandising_rule IN SHARE ROW EXCLUSIVE MODE")


def _present(rule_id: int) -> MerchandisingRule:
    rule = MerchandisingRule.objects.filter(pk=rule_id, deleted_at__isnull=True).first()
    if rule is None:
        raise RecommendationInputError("There is no such rule.", "NOT_FOUND", "id")
    return rule


def _check_room(rule: MerchandisingRule) -> None:
    now = timezone.now()
    if not rule.is_active or (rule.ends_at is not None and rule.ends_at <= now):
        return
    others = MerchandisingRule.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now), is_active=True, deleted_at__isnull=True
    ).exclude(pk=rule.pk)
    if others.count() >= MAX_ACTIVE_RULES:
        message = f"There are {MAX_ACTIVE_RULES} active rules already: switch one off first."
        raise RecommendationInputError(message, "INVALID", "isActive")


def _write_version(rule: MerchandisingRule, actor: Actor, *, is_deletion: bool = False) -> None:
    columns = RuleDefinition.from_columns(rule).as_columns()
    MerchandisingRuleVersion.objects.create(
        rule=rule,
        version=rule.version,
        name=rule.name,
        is_active=rule.is_active,
        is_deletion=is_deletion,
        definition={name: _plain(value) for name, value in columns.items()},
        actor_type=actor.type,
        actor_id=actor.id,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
