"""Tell customers that points are about to expire or that a tier is about to be lost, through Saleor's notify hook.

Each goes out once: a row of `LoyaltyReminder` is written first, in a transaction of its own, and only the worker that
wrote it notifies. A worker that dies between the two loses that reminder; none is ever sent twice.

The hook is called without a channel, because a wallet is in none. So it reaches apps that listen to NOTIFY_USER, and
plugins that are not configured by channel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import graphene
from django.db import DEFAULT_DB_ALIAS, transaction
from saleor.account.models import User
from saleor.plugins.manager import get_plugins_manager

from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.loyalty.reminders.models import ReminderKind
from saleor_crm_plugin.loyalty.reminders.queries import ACCOUNT_BATCH_SIZE, claim, expiry_due, users_of

logger = logging.getLogger(__name__)

# Names of the notify events.
POINTS_EXPIRING = "crm_points_expiring"
TIER_EXPIRING = "crm_tier_expiring"

# Who would lose their tier between now and then: (account id, tier id, until when it is kept).
AboutToBeLost = Callable[[datetime, timedelta, str], Iterable[tuple[int, int, datetime]]]


class _Recipient(NamedTuple):
    user_id: int
    email: str
    language_code: str


def remind_of_expiry(now: datetime, within: timedelta, using: str = DEFAULT_DB_ALIAS) -> int:
    """Remind users of points that expire within a time; returns how many were notified.

    One notification for all days that come up for an account, and never again for the same day.
    """
    manager = get_plugins_manager(allow_replica=False)
    sent = 0
    for batch in expiry_due(now, now + within, using):
        recipients = _recipients({due.user_id for due in batch}, using)
        for due in batch:
            if (recipient := recipients.get(due.user_id)) is None:
                continue
            subjects = [expiring.subject for expiring in due.expiring]
            claimed = _claim(due.account_id, ReminderKind.EXPIRY, subjects, now, using)
            if expiring := [each for each in due.expiring if each.subject in claimed]:
                payload = {
                    "points": sum(each.points for each in expiring),
                    "expirations": [
                        {"points": each.points, "expires_at": each.expires_at.isoformat()} for each in expiring
                    ],
                }
                sent += _notify(manager, POINTS_EXPIRING, due.account_id, recipient, payload)
    return sent


def remind_of_tiers(
    now: datetime, within: timedelta, about_to_be_lost: AboutToBeLost, using: str = DEFAULT_DB_ALIAS
) -> int:
    """Remind users of a tier that they would lose within a time; returns how many were notified.

    Once for each tier and day until which it is kept.
    """
    manager = get_plugins_manager(allow_replica=False)
    sent = 0
    for batch in _batches(about_to_be_lost(now, within, using)):
        user_of = users_of([account_id for account_id, _, _ in batch], using)
        recipients = _recipients(set(user_of.values()), using)
        for account_id, tier_id, keep_until in batch:
            if (recipient := recipients.get(user_of.get(account_id, 0))) is None:
                continue
            subject = f"{tier_id}:{keep_until:%Y-%m-%d}"
            if _claim(account_id, ReminderKind.TIER_LOSS, [subject], now, using):
                payload = {
                    "tier_id": graphene.Node.to_global_id("LoyaltyTier", tier_id),
                    "keep_until": keep_until.isoformat(),
                }
                sent += _notify(manager, TIER_EXPIRING, account_id, recipient, payload)
    return sent


def _claim(account_id: int, kind: ReminderKind, subjects: list[str], now: datetime, using: str) -> set[str]:
    with transaction.atomic(using=using):
        return claim(account_id, kind, subjects, now, using)


def _recipients(user_ids: Collection[int], using: str) -> dict[int, _Recipient]:
    """Users who may log in, by id. One statement."""
    rows = User.objects.using(using).filter(pk__in=user_ids, is_active=True).exclude(email="").order_by()
    return {row[0]: _Recipient(*row) for row in rows.values_list("pk", "email", "language_code")}


def _notify(manager: Any, event: str, account_id: int, recipient: _Recipient, payload: dict[str, Any]) -> bool:
    """Call the hook; whether that went well. A plugin that fails does not keep the others from being reminded."""

    def complete() -> dict[str, Any]:
        return {
            "recipient_email": recipient.email,
            "language_code": recipient.language_code,
            "user_id": graphene.Node.to_global_id("User", recipient.user_id),
            "account_id": graphene.Node.to_global_id("LoyaltyAccount", account_id),
            **payload,
        }

    try:
        manager.notify(event, complete)
    except Exception as error:
        # Whoever sends mail says to whom it could not.
        logger.error("The reminder %s for loyalty account %s was not sent.", event, account_id, exc_info=told(error))
        return False
    return True


def _batches(rows: Iterable[tuple[int, int, datetime]]) -> Iterator[list[tuple[int, int, datetime]]]:
    rows = iter(rows)
    while batch := list(islice(rows, ACCOUNT_BATCH_SIZE)):
        yield batch
