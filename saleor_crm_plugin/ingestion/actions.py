"""Customers who sign up and have birthdays, as loyalty sees them.

Level-triggered: a hook, the reconciliation and the nightly job ask who is owed something, and `award_action` gives it
once. Staff get nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.ingestion.tier_facts import review_accounts
from saleor_crm_plugin.isolating import FAULTS_OF_ONE
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.actions import award_action, decided, rules_for
from saleor_crm_plugin.loyalty.birthdays import born_on, days_to_keep, has_birthday, is_too_soon
from saleor_crm_plugin.loyalty.rules.actions import Action
from saleor_crm_plugin.loyalty.rules.definition import Trigger
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, live_rules, segments_named_by
from saleor_crm_plugin.loyalty.segment_names import slugs_among
from saleor_crm_plugin.loyalty.tiers.queries import current_tiers
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.traits import rfm_groups, segment_slugs

logger = logging.getLogger(__name__)

# Key in the private metadata of a user, whose value is an ISO date. Private, because a customer can edit the public
# metadata, and would have a birthday whenever it pays.
BIRTHDAY_KEY: Final = "birthday"
# Nights that the job may have been missed.
CATCH_UP_DAYS: Final = 7
BATCH_SIZE: Final = 500

SIGN_UP: Final = "sign_up"
BIRTHDAY: Final = "birthday:"


def award_sign_ups(user_ids: Collection[int], settings: ShopSettings, now: datetime, using: str | None = None) -> int:
    """Give those of the users who have signed up what the rules give for it; returns how many got something.

    Who has not confirmed the address yet gets it later, by the rules that were in force on joining.
    """
    alias = using or DEFAULT_DB_ALIAS
    in_force = rules_in_force(Trigger.SIGN_UP, settings, alias)
    if not in_force:
        return 0
    joined = dict(_customers(alias).filter(pk__in=user_ids).values_list("pk", "date_joined"))
    actions = {
        user_id: Action(Trigger.SIGN_UP, SIGN_UP, timezone.localtime(joined_at))
        for user_id, joined_at in joined.items()
    }
    actions = {user_id: action for user_id, action in actions.items() if rules_for(action, in_force)}
    account_of = _accounts_of(actions, alias)
    done = decided(SIGN_UP, set(account_of.values()), alias)
    given = {
        account_of[user_id]
        for user_id, action in actions.items()
        if account_of[user_id] not in done and _award(account_of[user_id], action, in_force, now, alias) > 0
    }
    review_accounts(given, now, alias)
    return len(given)


def award_missed_sign_ups(
    settings: ShopSettings, now: datetime, batch_size: int, since: datetime | None = None, using: str | None = None
) -> int:
    """Do so for all who were missed; returns how many got something.

    Args:
        since: only users who changed after it, along Saleor's index.
    """
    alias = using or DEFAULT_DB_ALIAS
    in_force = rules_in_force(Trigger.SIGN_UP, settings, alias)
    if not in_force:
        return 0
    uses = EarningRuleUse.objects.filter(occasion=SIGN_UP, account__profile__user_id=OuterRef("pk"))
    first = min(rule.in_force_since for rule in in_force if rule.in_force_since is not None)
    missed = _customers(alias).filter(~Exists(uses), date_joined__gte=first)
    if since is not None:
        missed = missed.filter(updated_at__gt=since)
    return sum(award_sign_ups(batch, settings, now, alias) for batch in key_batches(missed, batch_size))


def award_birthdays(settings: ShopSettings, now: datetime, using: str | None = None) -> int:
    """Give whoever has a birthday today, or had one in the last `CATCH_UP_DAYS`, what the rules give; returns how many.

    The date stands in the user's private metadata under `BIRTHDAY_KEY`. The day is that of the shop's clock, and the
    rules that count are those in force when it began. Each night is one pass over the users.
    """
    alias = using or DEFAULT_DB_ALIAS
    in_force = rules_in_force(Trigger.BIRTHDAY, settings, alias)
    given = 0
    for day in days_to_keep(timezone.localtime(now).date(), CATCH_UP_DAYS) if in_force else ():
        at = timezone.make_aware(datetime.combine(day, time.min))
        if not any(rule.in_force_since is not None and rule.in_force_since <= at for rule in in_force):
            continue
        dates = Q()
        for ending in born_on(day):
            dates |= Q(born__endswith=f"-{ending}")
        users = _customers(alias).annotate(born=KeyTextTransform(BIRTHDAY_KEY, "private_metadata")).filter(dates)
        for batch in key_batches(users, BATCH_SIZE):
            born = dict(users.filter(pk__in=batch).values_list("pk", "born"))
            celebrating = [user_id for user_id in batch if has_birthday(born.get(user_id) or "", day)]
            given += _celebrate(celebrating, day, at, in_force, now, alias)
    return given


def _celebrate(
    user_ids: Collection[int], day: date, at: datetime, in_force: list[LiveRule], now: datetime, alias: str
) -> int:
    profiles = resolve_profiles([UserPerson(user_id) for user_id in user_ids], alias)
    profile_ids = set(profiles.values())
    account_of = accounts.ensure(accounts.default_program_id(alias), profile_ids, alias)
    segments = segments_in_any_currency(profile_ids, segments_named_by(in_force), alias)
    tiers = current_tiers(account_of.values(), alias)
    last = _last_birthdays(account_of.values(), alias)
    given = set()
    for profile_id, account_id in account_of.items():
        if is_too_soon(day, last.get(account_id)):
            continue
        action = Action(
            Trigger.BIRTHDAY,
            f"{BIRTHDAY}{day.year}",
            timezone.localtime(at),
            segments=segments.get(profile_id, frozenset()),
            tier_id=tiers[account_id].tier_id if account_id in tiers else None,
        )
        if _award(account_id, action, in_force, now, alias) > 0:
            given.add(account_id)
    review_accounts(given, now, alias)
    return len(given)


def _award(account_id: int, action: Action, in_force: list[LiveRule], now: datetime, alias: str) -> int:
    """`award_action`; an account whose rows contradict each other does not hold up the others."""
    try:
        return award_action(account_id, action, in_force, now=now, using=alias)
    except FAULTS_OF_ONE as error:
        logger.error(
            "Loyalty account %s cannot get what rules give for %s. It is tried again at the next run; "
            "`manage.py crm_ledger_audit` says what is wrong.",
            account_id,
            action.occasion,
            exc_info=told(error),
        )
        return 0


def _last_birthdays(account_ids: Collection[int], alias: str) -> dict[int, date]:
    """When accounts, or those merged into them, were last given something for a birthday."""
    belongs_to = accounts.with_merged(account_ids, alias)
    kept = EarningRuleUse.objects.using(alias).filter(occasion__startswith=BIRTHDAY, account_id__in=belongs_to)
    last: dict[int, date] = {}
    for account_id, used_at in kept.values_list("account_id").annotate(Max("used_at")):
        day = timezone.localtime(used_at).date()
        last[belongs_to[account_id]] = max(day, last.get(belongs_to[account_id], day))
    return last


def segments_in_any_currency(
    profile_ids: Collection[int], wanted: frozenset[str], using: str
) -> dict[int, frozenset[str]]:
    """The customers' RFM groups, where there is no order whose currency would say which one, and their segments.

    Args:
        wanted: names that rules ask for; no customer segment among them costs no statement.
    """
    found = segment_slugs(profile_ids, using) if slugs_among(wanted) else {}
    for profile_id, groups in rfm_groups(profile_ids, using).items():
        found[profile_id] = found.get(profile_id, frozenset()) | groups.in_any_currency()
    return found


def points_are_on(settings: ShopSettings) -> bool:
    """Whether any channel gives points: where none does, no rule gives any either."""
    return any(loyalty.points_per_unit for loyalty in settings.loyalty.values())


def rules_in_force(trigger: Trigger, settings: ShopSettings, alias: str) -> list[LiveRule]:
    """The rules of a trigger that may have a say; none while no channel gives points."""
    if not points_are_on(settings):
        return []
    program_id = accounts.default_program_id(alias)
    return [
        rule
        for rule in live_rules(program_id, alias)
        if rule.definition.trigger == trigger and rule.in_force_since is not None
    ]


def _customers(alias: str) -> QuerySet[User]:
    return User.objects.using(alias).filter(is_confirmed=True, is_active=True, is_staff=False)


def _accounts_of(user_ids: Iterable[int], alias: str) -> dict[int, int]:
    """Account id by user id; who has none gets one."""
    profiles = resolve_profiles([UserPerson(user_id) for user_id in user_ids], alias)
    account_of = accounts.ensure(accounts.default_program_id(alias), set(profiles.values()), alias)
    return {
        person.user_id: account_of[profile_id]
        for person, profile_id in profiles.items()
        if isinstance(person, UserPerson)
    }
