"""How staff make, change and retire earning rules. Each edit of what a rule says is a new version."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.models import LoyaltyProgram
from saleor_crm_plugin.loyalty.rules.definition import RuleDefinition
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleVersion, RuleStatus
from saleor_crm_plugin.loyalty.rules.validation import validate

# All of them are looked at for every order.
MAX_RULES = 100
NAME_MAX_LENGTH = 128


def create_rule(
    program_id: int, name: str, status: RuleStatus, definition: RuleDefinition, actor: Actor
) -> EarningRule:
    """
    Raises:
        LoyaltyInputError: a value is wrong (with its field), or there are `MAX_RULES` already.
    """
    validate(definition)
    with transaction.atomic():
        # Two new rules at once wait for each other to be counted.
        LoyaltyProgram.objects.select_for_update().get(pk=program_id)
        rule = EarningRule(program_id=program_id, name=_name(name), status=status, definition=definition.as_json())
        rule.in_force_since = None if status == RuleStatus.OFF else timezone.now()
        if EarningRule.objects.filter(program_id=program_id, deleted_at__isnull=True).count() >= MAX_RULES:
            raise LoyaltyInputError(f"There are {MAX_RULES} rules already: delete one first.", "INVALID")
        rule.save()
        _write_version(rule, actor)
    return rule


def update_rule(
    rule_id: int,
    actor: Actor,
    *,
    name: str | None = None,
    status: RuleStatus | None = None,
    change: Callable[[RuleDefinition], RuleDefinition] = lambda before: before,
) -> EarningRule:
    """Change what is given. Past entries stay as they are, and so does an order that was awarded before.

    Args:
        change: what the rule says, from what it said.

    Raises:
        LoyaltyInputError: there is no such rule, or a value is wrong.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        if name is not None:
            rule.name = _name(name)
        before = RuleDefinition.from_json(rule.definition)
        definition = change(before)
        validate(definition)
        changed = definition != before
        if (status or rule.status) != rule.status or definition.trigger != before.trigger:
            rule.status = status or rule.status
            rule.in_force_since = None if rule.status == RuleStatus.OFF else timezone.now()
        if changed:
            rule.version += 1
            rule.definition = definition.as_json()
        rule.save()
        if changed:
            _write_version(rule, actor)
    return rule


def delete_rule(rule_id: int) -> EarningRule:
    """Retire a rule for good. What it gave stays, and is taken back on its terms if an order is refunded.

    Raises:
        LoyaltyInputError: there is no such rule.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        rule.status, rule.in_force_since, rule.deleted_at = RuleStatus.OFF, None, timezone.now()
        rule.save()
    return rule


def _locked(rule_id: int) -> EarningRule:
    rule = EarningRule.objects.select_for_update().filter(pk=rule_id, deleted_at__isnull=True).first()
    if rule is None:
        raise LoyaltyInputError("There is no such rule.", "NOT_FOUND", "id")
    return rule


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= NAME_MAX_LENGTH:
        raise LoyaltyInputError(f"Give a name of 1 to {NAME_MAX_LENGTH} characters.", "INVALID", "name")
    return name


def _write_version(rule: EarningRule, actor: Actor) -> None:
    EarningRuleVersion.objects.create(
        rule=rule, version=rule.version, definition=rule.definition, actor_type=actor.type, actor_id=actor.id
    )
