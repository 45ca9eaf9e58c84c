"""Reminders: who gets them, what they say, and that each goes out once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import graphene
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from saleor.plugins.base_plugin import BasePlugin

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import reminders
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.reminders import remind_of_expiry, remind_of_tiers
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.ingestion.tasks import send_reminders_task
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.reminders import queries
from saleor_crm_plugin.loyalty.reminders.models import LoyaltyReminder
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from tests.concurrently import at_once
from tests.devshop.factories import delete_customer, make_customer
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 7, 40, tzinfo=UTC)
MONTH = timedelta(days=30)

HEARD: list[tuple[str, dict]] = []


class NotificationPlugin(BasePlugin):
    """Listens as the plugin does that calls an app's webhooks."""

    PLUGIN_ID = "tests.notifications"
    PLUGIN_NAME = "Notifications"
    CONFIGURATION_PER_CHANNEL = False
    DEFAULT_ACTIVE = True

    def notify(self, event, payload_func, previous_value):
        HEARD.append((event, payload_func()))
        return previous_value


class BrokenPlugin(NotificationPlugin):
    PLUGIN_ID = "tests.broken"

    def notify(self, event, payload_func, previous_value):
        raise ZeroDivisionError


@pytest.fixture(autouse=True)
def heard(settings) -> Iterator[list[tuple[str, dict]]]:
    settings.PLUGINS = [f"{__name__}.NotificationPlugin"]
    HEARD.clear()
    yield HEARD
    HEARD.clear()


def open_account(user=None) -> int:
    profile = CustomerProfile.objects.create() if user is None else None
    person = UserPerson(user.pk) if user else None
    profile_id = profile.pk if profile else resolve_profiles([person])[person]
    return ensure(default_program_id(), [profile_id], "default")[profile_id]


def give(account_id: int, points: int, expires_at: datetime | None, available_at: datetime = NOW) -> None:
    with Ledger([account_id], now=NOW) as ledger:
        key = f"give:{account_id}:{points}:{expires_at}"
        ledger.award(account_id, points, Source(key=key), available_at=available_at, expires_at=expires_at)


@pytest.fixture
def ann():
    return make_customer("ann@example.com", language_code="de")


@pytest.fixture
def account_id(ann) -> int:
    return open_account(ann)


def test_what_a_customer_is_told(ann, account_id, heard):
    may_20 = datetime(2026, 5, 20, 9, tzinfo=UTC)
    give(account_id, 100, may_20)
    give(account_id, 20, may_20 + timedelta(hours=3))
    give(account_id, 50, datetime(2026, 5, 25, tzinfo=UTC))
    give(account_id, 7, datetime(2026, 6, 25, tzinfo=UTC))
    give(account_id, 3, None)
    assert remind_of_expiry(NOW, MONTH) == 1
    assert heard == [
        (
            "crm_points_expiring",
            {
                "recipient_email": "ann@example.com",
                "language_code": "de",
                "user_id": graphene.Node.to_global_id("User", ann.pk),
                "account_id": graphene.Node.to_global_id("LoyaltyAccount", account_id),
                "points": 170,
                "expirations": [
                    {"points": 120, "expires_at": "2026-05-20T09:00:00+00:00"},
                    {"points": 50, "expires_at": "2026-05-25T00:00:00+00:00"},
                ],
            },
        )
    ]
    assert set(LoyaltyReminder.objects.values_list("kind", "subject", "sent_at")) == {
        ("expiry", "2026-05-20", NOW),
        ("expiry", "2026-05-25", NOW),
    }


def test_each_day_once_and_what_comes_up_later_then(account_id, heard):
    give(account_id, 100, datetime(2026, 5, 20, tzinfo=UTC))
    give(account_id, 7, datetime(2026, 6, 1, tzinfo=UTC))
    assert remind_of_expiry(NOW, MONTH) == 1
    # More points for the same day bring no second reminder.
    give(account_id, 40, datetime(2026, 5, 20, 5, tzinfo=UTC))
    assert remind_of_expiry(NOW + timedelta(days=1), MONTH) == 1
    assert remind_of_expiry(NOW + timedelta(days=2), MONTH) == 0
    assert [payload["points"] for _, payload in heard] == [100, 7]


def test_who_is_not_reminded(account_id, heard):
    soon = datetime(2026, 5, 20, tzinfo=UTC)
    give(open_account(), 10, soon)
    give(open_account(make_customer(is_active=False)), 10, soon)
    closed = open_account(make_customer())
    give(closed, 10, soon)
    LoyaltyAccount.objects.filter(pk=closed).update(closed_at=NOW)
    spent = open_account(make_customer())
    give(spent, 10, soon)
    with Ledger([spent], now=NOW) as ledger:
        ledger.redeem(spent, 10, Source(key="spend"))
    give(account_id, 10, NOW - timedelta(hours=1))
    give(account_id, 10, soon, available_at=soon - timedelta(days=1))
    assert remind_of_expiry(NOW, MONTH) == 0
    assert not LoyaltyReminder.objects.exists()


def test_batches_leave_nobody_out(monkeypatch, heard):
    monkeypatch.setattr(queries, "ACCOUNT_BATCH_SIZE", 2)
    for _ in range(5):
        give(open_account(make_customer()), 10, datetime(2026, 5, 20, tzinfo=UTC))
    assert remind_of_expiry(NOW, MONTH) == 5
    assert remind_of_expiry(NOW, MONTH) == 0


def test_an_account_costs_the_same_whatever_expires_of_it():
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert remind_of_expiry(NOW, MONTH) == 1
        return len(captured)

    give(open_account(make_customer()), 10, datetime(2026, 5, 20, tzinfo=UTC))
    one = statements()
    many = open_account(make_customer())
    for day in range(2, 20):
        give(many, 10, datetime(2026, 5, day, tzinfo=UTC))
    assert statements() == one


def test_a_plugin_that_fails_loses_that_reminder_and_no_other(settings, heard, caplog):
    for _ in range(2):
        give(open_account(make_customer()), 10, datetime(2026, 5, 20, tzinfo=UTC))
    settings.PLUGINS = [f"{__name__}.BrokenPlugin"]
    assert remind_of_expiry(NOW, MONTH) == 0
    assert LoyaltyReminder.objects.count() == 2
    assert caplog.text.count("was not sent") == 2
    assert "example.com" not in caplog.text
    settings.PLUGINS = [f"{__name__}.NotificationPlugin"]
    assert remind_of_expiry(NOW, MONTH) == 0


def test_a_worker_that_dies_before_it_notifies_loses_the_reminder(account_id, monkeypatch, heard):
    def die(*_args):
        raise KeyboardInterrupt

    give(account_id, 10, datetime(2026, 5, 20, tzinfo=UTC))
    with monkeypatch.context() as patched:
        patched.setattr(reminders, "_notify", die)
        with pytest.raises(KeyboardInterrupt):
            remind_of_expiry(NOW, MONTH)
    assert remind_of_expiry(NOW, MONTH) == 0
    assert heard == []


def test_a_tier_that_is_about_to_be_lost(ann, account_id, heard):
    until = datetime(2026, 5, 31, tzinfo=UTC)
    asked = []

    def about_to_be_lost(now, within, using):
        asked.append((now, within, using))
        return [(account_id, 4, until), (open_account(), 4, until)]

    assert remind_of_tiers(NOW, MONTH, about_to_be_lost) == 1
    assert remind_of_tiers(NOW, MONTH, about_to_be_lost) == 0
    assert asked == [(NOW, MONTH, "default")] * 2
    assert heard == [
        (
            "crm_tier_expiring",
            {
                "recipient_email": "ann@example.com",
                "language_code": "de",
                "user_id": graphene.Node.to_global_id("User", ann.pk),
                "account_id": graphene.Node.to_global_id("LoyaltyAccount", account_id),
                "tier_id": graphene.Node.to_global_id("LoyaltyTier", 4),
                "keep_until": "2026-05-31T00:00:00+00:00",
            },
        )
    ]
    # The tier was kept, and is about to be lost a year later.
    until = datetime(2027, 5, 31, tzinfo=UTC)
    assert remind_of_tiers(NOW, MONTH, about_to_be_lost) == 1
    assert set(LoyaltyReminder.objects.values_list("kind", "subject")) == {
        ("tier_loss", "4:2026-05-31"),
        ("tier_loss", "4:2027-05-31"),
    }


def test_nobody_is_reminded_until_the_shop_says_how_early(account_id, heard, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    give(account_id, 10, datetime(2026, 5, 8, tzinfo=UTC))
    send_reminders_task()
    crm_settings(expiry_reminder_days="6")
    send_reminders_task()
    assert heard == []
    crm_settings(expiry_reminder_days="7")
    send_reminders_task()
    assert [payload["points"] for _, payload in heard] == [10]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_reminder_once(heard):
    for _ in range(12):
        give(open_account(make_customer()), 10, datetime(2026, 5, 20, tzinfo=UTC))
    sent = at_once([partial(remind_of_expiry, NOW, MONTH)] * 2)
    assert sum(sent) == 12
    assert len({payload["user_id"] for _, payload in heard}) == len(heard) == 12


def test_who_was_merged_into_a_customer_who_is_gone_is_reminded(ann, account_id, heard):
    ben = make_customer("ben@example.com")
    head, member = (resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)] for user in (ann, ben))
    merge_customers(member, head, SYSTEM, NOW)
    may_20 = datetime(2026, 5, 20, tzinfo=UTC)
    give(account_id, 10, may_20)
    user_id = ann.pk
    delete_customer(ann)
    sync_customer(user_id)
    assert (remind_of_expiry(NOW, MONTH), remind_of_tiers(NOW, MONTH, lambda *_: [(account_id, 4, may_20)])) == (1, 1)
    assert [payload["recipient_email"] for _, payload in heard] == ["ben@example.com"] * 2


@pytest.mark.parametrize("level", [ErasureLevel.STOP, ErasureLevel.ANONYMISE])
def test_nothing_is_sent_to_whoever_was_forgotten(ann, account_id, heard, level):
    may_20 = datetime(2026, 5, 20, tzinfo=UTC)
    give(account_id, 10, may_20)
    erase_customer(CustomerProfile.objects.get(user=ann).pk, level, SYSTEM, NOW)
    assert remind_of_expiry(NOW, MONTH) == 0
    assert remind_of_tiers(NOW, MONTH, lambda *_: [(account_id, 4, may_20)]) == 0
    assert heard == []
    assert not LoyaltyReminder.objects.exists()
