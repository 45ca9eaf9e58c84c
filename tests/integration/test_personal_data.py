"""What is known about a customer stands in tables, and nowhere else: not in a log, a task's arguments or an error.

The flows of a shop are played with a customer whose every detail can be searched for, with all loggers at DEBUG. The
errors are PostgreSQL's own: a row that it refuses is quoted in them.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Task
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from saleor.permission.enums import AccountPermissions, OrderPermissions
from saleor.plugins.manager import get_plugins_manager

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.confidential import shorten, summary, told
from saleor_crm_plugin.ingestion import hooks, logs, reminders, tasks
from saleor_crm_plugin.ingestion import sync as sync_module
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes import writing
from saleor_crm_plugin.profiles.privacy.models import ErasureLevel
from tests.devshop.factories import make_address, make_channel, make_customer, make_order, make_product, make_staff
from tests.devshop.flows import announce_order, cancel_order, fulfill_order, pay_order
from tests.graphql.client import Api, global_id
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

EMAIL = "zyxwvut.quark@example.com"
NAME = "Zyxwvut"
PERSONAL = re.compile(r"zyxwvut|quark|15112345678|Privet", re.IGNORECASE)


class Heard(logging.Handler):
    """Everything that is logged, with tracebacks, as it would stand in a file."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        # Another handler may have formatted it with less.
        record.exc_text = None
        self.lines.append(self.format(record))

    def personal(self) -> list[str]:
        return [line for line in self.lines if PERSONAL.search(line)]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    logs.forget_logged()
    handler, root = Heard(), logging.getLogger()
    named = [one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = {one: (one.level, one.propagate, one.disabled) for one in [root, *named]}
    for logger in before:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, (level, propagate, disabled) in before.items():
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What tasks were started with, as JSON."""
    started: list[str] = []
    run = Task.apply_async

    def noted(task: Task, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        started.append(json.dumps([task.name, args, kwargs]))
        return run(task, args, kwargs, *rest, **options)

    monkeypatch.setattr(Task, "apply_async", noted)
    return started


@pytest.fixture
def ann(settings: Any) -> Any:
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]
    loyalty_settings(make_channel(), points_per_unit="10", earn_from="2020-01-01T00:00:00+00:00", point_value="0.01")
    return make_customer(EMAIL, first_name=NAME, last_name="Quarkson")


def order_of(user: Any, **fields: Any) -> Any:
    address = make_address(
        first_name=NAME, last_name="Quarkson", street_address_1="4 Privet Drive", phone="+4915112345678"
    )
    product = make_product(channel=make_channel(), stock=None)
    return make_order(user, lines=[(product, 1)], billing_address=address, shipping_address=address, **fields)


def refused_row() -> None:
    """Saying again what only one row may say. The error quotes it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS crm_only_once (value text UNIQUE)")
        for _ in range(2):
            cursor.execute("INSERT INTO crm_only_once VALUES (%s)", [EMAIL])


def refused_value() -> None:
    """A text where there must be a number. The first line of the error quotes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(%s AS text)::integer", [EMAIL])


def test_the_errors_of_the_database_do_quote(db: None) -> None:
    """Else the tests below would find nothing for another reason."""
    for refusal in (refused_row, refused_value):
        with pytest.raises(DatabaseError, match=EMAIL):
            in_a_savepoint(refusal)


def in_a_savepoint(refusal: Any) -> None:
    with transaction.atomic():
        refusal()


def test_a_purchase_from_order_to_refund(ann, heard, sent, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        get_plugins_manager(allow_replica=False).customer_created(ann)
        order, guests = order_of(ann, paid=False), order_of(None, email=f"guest.{EMAIL}", paid=False)
        for one in (order, guests):
            announce_order(one)
            pay_order(one)
            fulfill_order(one)
    with django_capture_on_commit_callbacks(execute=True):
        cancel_order(order)
        get_plugins_manager(allow_replica=False).customer_updated(ann)
    tasks.reconcile_task()
    assert len(sent) >= 8
    assert not [one for one in sent if PERSONAL.search(one)]
    assert heard.personal() == []


@pytest.mark.parametrize("refusal", [refused_row, refused_value])
def test_an_order_that_cannot_be_read(ann, heard, monkeypatch, refusal) -> None:
    order = order_of(ann)
    monkeypatch.setattr(sync_module, "record_order_events", lambda *_: refusal())
    assert sync_orders([order.pk]).failed == {order.pk}
    told_so = [line for line in heard.lines if str(order.pk) in line and "ERROR" in line]
    assert "sync.py" in told_so[0], "where it failed is said"
    assert heard.personal() == []
    assert not PERSONAL.search(OrderSync.objects.get(order_id=order.pk).error)


def test_a_value_that_python_quotes(ann, heard, monkeypatch) -> None:
    order = order_of(ann)
    monkeypatch.setattr(sync_module, "record_order_events", lambda *_: int(EMAIL))
    assert sync_orders([order.pk]).failed == {order.pk}
    assert [line for line in heard.lines if "ValueError" in line]
    assert heard.personal() == []


@pytest.mark.parametrize("refusal", [refused_row, refused_value])
def test_a_hint_and_a_task_that_fail(ann, heard, monkeypatch, refusal, django_capture_on_commit_callbacks) -> None:
    monkeypatch.setattr("saleor_crm_plugin.ingestion.sync.sync_customer", lambda *_, **__: refusal())
    with django_capture_on_commit_callbacks(execute=True):
        hooks.customer_changed(ann)
    assert [line for line in heard.lines if "sync_customer_task did not run" in line]
    with pytest.raises(DatabaseError) as raised:
        in_a_savepoint(lambda: tasks.sync_customer_task(ann.pk))
    assert not PERSONAL.search(str(raised.value))
    assert heard.personal() == []


def test_a_request_that_fails(ann, heard, monkeypatch) -> None:
    (profile_id,) = resolve_profiles([UserPerson(ann.pk)]).values()
    staff = Api(make_staff("office@example.com", permissions=[AccountPermissions.MANAGE_USERS]))
    mutation = """mutation ($id: ID, $email: String, $text: String!) {
      customerNoteAdd(id: $id, email: $email, text: $text) { errors { field message code } } }"""
    profile = global_id("CustomerProfile", profile_id)
    for variables in (
        {"id": profile, "text": f"{NAME}\0"},
        {"id": profile, "text": NAME * 2000},
        {"email": f"not.{EMAIL}", "text": NAME},
        {"id": global_id("CustomerProfile", 2**31 - 2), "text": NAME},
    ):
        answer = staff.post(mutation, **variables)
        assert not PERSONAL.search(json.dumps(answer))
    assert heard.personal() == []
    module = "saleor_crm_plugin.graphql.profiles.staff.mutations.customer_note_add"
    for refusal in (refused_row, refused_value):
        monkeypatch.setattr(f"{module}.add_note", lambda *_, __refusal=refusal, **___: in_a_savepoint(__refusal))
        answer = staff.post(mutation, id=profile, text=NAME)
        assert answer["errors"]
        assert not PERSONAL.search(json.dumps(answer["errors"][0]["message"]))
    assert heard.personal() == []


def test_an_export_and_an_erasure(ann, heard, sent, django_capture_on_commit_callbacks) -> None:
    order = order_of(ann)
    assert not sync_orders([order.pk]).failed
    profile = CustomerProfile.objects.get(user=ann)
    writing.add_note(profile.pk, f"{NAME} called from +4915112345678", SYSTEM, timezone.now())
    allowed = [AccountPermissions.MANAGE_USERS, OrderPermissions.MANAGE_ORDERS]
    staff = Api(make_staff("office@example.com", permissions=allowed))
    mutation = "mutation ($id: ID!) { customerDataExport(id: $id) { url errors { code } } }"
    exported = staff.data(mutation, id=global_id("CustomerProfile", profile.pk))["customerDataExport"]
    path = re.sub(r"^https?://[^/]+", "", exported["url"])
    document = Client().get(path).getvalue().decode()
    assert PERSONAL.search(document), "it is all in the file"
    with django_capture_on_commit_callbacks(execute=True):
        for level in (ErasureLevel.STOP, ErasureLevel.ANONYMISE):
            erase_customer(profile.pk, level, SYSTEM)
    assert not [one for one in sent if PERSONAL.search(one)]
    assert heard.personal() == []


def test_an_import_with_wrong_rows(ann, heard, tmp_path) -> None:
    """What a row says is in the file that whoever runs the command has; the complaint names its line."""
    path = tmp_path / "points.csv"
    rows = [f"{EMAIL},many", f"{NAME} Quarkson,5", f"nobody.{EMAIL},5", f"{EMAIL},-3", f'"{EMAIL}",5,6']
    path.write_text("\n".join(["email,points", *rows]))
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("crm_import_points", str(path), stdout=out, stderr=err, verbosity=0)
    assert err.getvalue().count("line ") == 5
    assert not PERSONAL.search(f"{out.getvalue()}{err.getvalue()}{raised.value}")
    assert heard.personal() == []


def test_a_reminder_that_cannot_be_sent(heard) -> None:
    class Mail:
        def notify(self, _event: str, _payload: Any) -> None:
            raise RuntimeError(f"550 no such mailbox: {EMAIL}")

    recipient = reminders._Recipient(1, EMAIL, "en")
    assert not reminders._notify(Mail(), "points", 7, recipient, {})
    assert [line for line in heard.lines if "loyalty account 7" in line]
    assert heard.personal() == []


def test_what_an_error_still_tells(db: None) -> None:
    try:
        in_a_savepoint(refused_row)
    except DatabaseError as error:
        stand_in, line = told(error), summary(error)
        shorten(error)
        after = str(error), str(error.__cause__)
    assert line == 'IntegrityError: duplicate key value violates unique constraint "crm_only_once_value_key"'
    assert str(stand_in) == line
    assert str(stand_in.__cause__).startswith("UniqueViolation: ")
    assert after == (line.removeprefix("IntegrityError: "),) * 2
