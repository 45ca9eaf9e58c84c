"""`crm_export_points`: statements as CSV, with no more about a person than was asked for."""

from __future__ import annotations

import csv
import io
import os
import stat
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from saleor.account.models import User

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.ingestion import export_points
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.merging import merge
from saleor_crm_plugin.loyalty.models import TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.profiles.identity import GuestPerson, Person, UserPerson, resolve_profiles
from tests.devshop.factories import make_customer

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAFF = Actor(ActorType.STAFF, 7)
HEADER = (
    "entry_id,created_at,account_id,profile_id,user_id,type,points,balance_after,order_id,reason,reverses,actor_type,"
    "actor_id,available_at,expires_at"
)


@pytest.fixture
def ada() -> User:
    return make_customer("ada@example.com")


def give(person: Person, points: int, reason: str = "", at: datetime = DAY, expires_at: datetime | None = None) -> int:
    profile_id = resolve_profiles([person])[person]
    account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
    with Ledger([account_id], now=at) as ledger:
        source = Source(key=f"{account_id}:{points}:{at}", reason=reason, actor=STAFF)
        ledger.credit(account_id, points, TransactionType.IMPORT, source, expires_at=expires_at)
    return account_id


def export(*arguments: str) -> list[dict[str, str]]:
    out = io.StringIO()
    call_command("crm_export_points", *arguments, stdout=out, verbosity=0)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_an_entry_as_it_is_written(ada):
    account_id = give(UserPerson(ada.pk), 120, "Old card", expires_at=datetime(2027, 1, 1, tzinfo=UTC))
    profile_id = resolve_profiles([UserPerson(ada.pk)])[UserPerson(ada.pk)]
    out = io.StringIO()
    call_command("crm_export_points", stdout=out)
    header, line = out.getvalue().splitlines()
    assert header == HEADER
    assert line.partition(",")[2] == (
        f"2026-03-01T12:00:00+00:00,{account_id},{profile_id},{ada.pk},import,120,120,,Old card,,staff,7,"
        "2026-03-01T12:00:00+00:00,2027-01-01T00:00:00+00:00"
    )


def test_account_by_account_oldest_first(ada):
    first, second = give(UserPerson(ada.pk), 1), give(GuestPerson("bob@example.com"), 2)
    give(UserPerson(ada.pk), 3)
    assert [(int(row["account_id"]), row["points"], row["balance_after"]) for row in export()] == [
        (first, "1", "1"),
        (first, "3", "4"),
        (second, "2", "2"),
    ]


def test_addresses_are_there_only_if_asked_for(ada):
    give(UserPerson(ada.pk), 1)
    give(GuestPerson("bob@example.com"), 2)
    assert "email" not in export()[0]
    assert [row["email"] for row in export("--with-email")] == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize("arguments", [["--user-id", "{pk}"], ["--email", " Ada@Example.com"]])
def test_one_customer_with_what_was_merged_into_their_account(ada, arguments):
    account_id, guest = give(UserPerson(ada.pk), 1), give(GuestPerson("bob@example.com"), 2)
    give(GuestPerson("eve@example.com"), 3)
    merge(guest, account_id, STAFF, DAY)
    rows = export(*(argument.format(pk=ada.pk) for argument in arguments))
    assert sorted((row["type"], row["points"]) for row in rows) == [
        ("import", "1"),
        ("import", "2"),
        ("merge_in", "2"),
        ("merge_out", "-2"),
    ]


def test_a_guest_by_address():
    give(GuestPerson("bob@example.com"), 2)
    assert [row["points"] for row in export("--email", "bob@example.com")] == ["2"]


def test_a_customer_without_points_has_an_empty_statement(ada):
    resolve_profiles([UserPerson(ada.pk)])
    assert export("--user-id", str(ada.pk)) == []


def test_a_range_of_days(ada):
    for day in (1, 2, 3):
        give(UserPerson(ada.pk), day, at=datetime(2026, 3, day, tzinfo=UTC))
    assert [row["points"] for row in export("--since", "2026-03-02", "--until", "2026-03-03")] == ["2"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_compute_is_made_harmless(ada, start):
    give(UserPerson(ada.pk), 5, f'{start}HYPERLINK("x")')
    out = io.StringIO(newline="")
    call_command("crm_export_points", stdout=out)
    [row] = csv.DictReader(io.StringIO(out.getvalue(), newline=""))
    assert row["reason"] == f'\'{start}HYPERLINK("x")'


def test_negative_points_stay_numbers(ada):
    account_id = give(UserPerson(ada.pk), 5)
    with Ledger([account_id]) as ledger:
        ledger.redeem(account_id, 3, Source(key="r"))
    assert [row["points"] for row in export()] == ["5", "-3"]


def test_into_a_file(ada, tmp_path):
    give(UserPerson(ada.pk), 5, "Ümläut")
    path = tmp_path / "statements.csv"
    out = io.StringIO()
    call_command("crm_export_points", "--output", str(path), stdout=out, verbosity=0)
    assert out.getvalue() == f"Wrote 1 entries to {path}.\n"
    assert path.read_bytes().count(b"\r\n") == 2
    assert "Ümläut" in path.read_text(encoding="utf-8")
    assert [each.name for each in tmp_path.iterdir()] == ["statements.csv"]


def test_a_file_that_is_there_stays_if_the_export_fails(ada, tmp_path, monkeypatch):
    path = tmp_path / "statements.csv"
    path.write_text("of yesterday")

    def fail(*args, **kwargs):
        raise RuntimeError("power cut")

    monkeypatch.setattr("saleor_crm_plugin.ingestion.export_points.statement_lines", fail)
    with pytest.raises(RuntimeError):
        call_command("crm_export_points", "--output", str(path), verbosity=0)
    assert path.read_text() == "of yesterday"
    assert [each.name for each in tmp_path.iterdir()] == ["statements.csv"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--user-id", "999999"], "no such customer"),
        (["--email", "nobody@example.com"], "no such customer"),
        (["--since", "yesterday"], "--since 'yesterday' is not a date"),
        (["--until", "2026-13-01"], "--until '2026-13-01' is not a date"),
        (["--user-id", "1", "--email", "a@example.com"], "not allowed with"),
        (["--output", "/nowhere/at/all.csv"], "cannot be written"),
    ],
)
def test_what_is_refused(arguments, why):
    with pytest.raises(CommandError, match=why):
        call_command("crm_export_points", *arguments)


@pytest.mark.parametrize("entries", [2, 12])
def test_any_number_of_entries_takes_one_statement_and_one_more_for_each_kind_of_address(ada, entries):
    give(GuestPerson("bob@example.com"), 1)
    for number in range(entries):
        give(UserPerson(ada.pk), number + 1)
    asked = []

    def count(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        assert len(export("--with-email")) == entries + 1
    assert len([sql for sql in asked if "SAVEPOINT" not in sql]) == 3


def test_two_at_once_into_the_same_file_leave_that_of_one(ada, tmp_path, monkeypatch):
    give(UserPerson(ada.pk), 5)
    give(GuestPerson("bob@example.com"), 2)
    path = tmp_path / "statements.csv"
    real = export_points.statement_lines

    def while_another_runs(*arguments):
        monkeypatch.setattr(export_points, "statement_lines", real)
        call_command("crm_export_points", "--output", str(path), "--user-id", str(ada.pk), verbosity=0)
        return real(*arguments)

    monkeypatch.setattr(export_points, "statement_lines", while_another_runs)
    call_command("crm_export_points", "--output", str(path), verbosity=0)
    with path.open(newline="") as file:
        assert [row["points"] for row in csv.DictReader(file)] == ["5", "2"]
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_but_the_one_that_was_named_is_written(ada, tmp_path):
    give(UserPerson(ada.pk), 5)
    path, own = tmp_path / "statements.csv", tmp_path / "statements.csv.part"
    own.write_text("mine")
    call_command("crm_export_points", "--output", str(path), verbosity=0)
    assert own.read_text() == "mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_pipe_is_written_to_and_stays_one(ada, tmp_path):
    give(UserPerson(ada.pk), 5)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        call_command("crm_export_points", "--output", str(pipe), verbosity=0)
        assert os.read(reader, 10_000).decode().startswith(HEADER)
    finally:
        os.close(reader)
    assert pipe.is_fifo()
