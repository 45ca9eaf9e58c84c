"""`crm_import_points`: all rows of a file or none, each wrong one named, and the same file once."""

from __future__ import annotations

import codecs
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import AccountClosedError, ImportFileError
from saleor_crm_plugin.ingestion import import_points
from saleor_crm_plugin.ingestion.erasure import erase_customer, erase_customers
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.import_format import ImportType
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsLot, PointsTransaction
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.schedule import expire_due_lots
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from tests.concurrently import JOIN_SECONDS, behind, others_who_wait
from tests.devshop.factories import make_customer
from tests.integration.loyalty.audit import assert_ledger_adds_up

pytestmark = pytest.mark.django_db

BALANCES = ImportType.BALANCES
NEXT_YEAR = timezone.now().year + 1
MIDNIGHT = datetime(NEXT_YEAR, 1, 31, tzinfo=UTC)


@pytest.fixture
def ada() -> User:
    return make_customer("ada@example.com", external_reference="C-1")


@pytest.fixture(autouse=True)
def audited():
    yield
    assert_ledger_adds_up()


@pytest.fixture
def run(tmp_path):
    """Imports a file; returns exit code, what was said, and what was wrong."""

    def run(content: str | bytes, *arguments: str, name: str = "points.csv") -> tuple[int, str, list[str]]:
        path: Path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("crm_import_points", str(path), *arguments, stdout=out, stderr=err, verbosity=0)
        except CommandError as error:
            return error.returncode, str(error), err.getvalue().splitlines()
        return 0, out.getvalue().strip(), err.getvalue().splitlines()

    return run


def account_of(user: User) -> LoyaltyAccount:
    return LoyaltyAccount.objects.get(profile__user=user)


def entries(user: User) -> list[tuple[str, int, int, str]]:
    rows = PointsTransaction.objects.filter(account__profile__user=user).order_by("pk")
    return list(rows.values_list("type", "points", "balance_after", "reason"))


def nothing_was_written() -> bool:
    return not (PointsTransaction.objects.exists() or CustomerProfile.objects.exists() or SyncState.objects.exists())


def test_a_customer_may_have_several_lots(run, ada):
    text = f"email,points,expires_at,reason\nada@example.com,120,{NEXT_YEAR}-01-31,\nAda@Example.com,30,,Old card\n"
    assert run(text) == (0, "Imported 2 rows: 150 points of 1 customers.", [])
    assert entries(ada) == [("import", 120, 120, ""), ("import", 30, 150, "Old card")]
    lots = PointsLot.objects.order_by("pk").values_list("remaining", "status", "expires_at")
    assert list(lots) == [(120, "active", MIDNIGHT), (30, "active", None)]
    # Imported points count for no tier and are no award.
    assert (account_of(ada).active, account_of(ada).lifetime) == (150, 0)


def test_customers_are_named_in_any_of_three_ways(run, ada):
    second, third = make_customer(), make_customer("third@example.com")
    text = f"user_id,email,external_reference,points\n,,C-1,1\n{second.pk},,,2\n,third@example.com,,3\n"
    assert run(text)[0] == 0
    assert [account_of(user).active for user in (ada, second, third)] == [1, 2, 3]


def test_the_same_file_twice_changes_nothing(run, ada):
    text = "email,points\nada@example.com,120\n"
    run(text)
    assert run(text) == (0, "The batch 'points.csv' was imported before. Nothing was done.", [])
    assert len(entries(ada)) == 1


def test_another_file_needs_another_name(run, ada):
    run("email,points\nada@example.com,120\n")
    changed = "email,points\nada@example.com,121\n"
    code, said, _ = run(changed)
    assert (code, said.partition(".csv")[0]) == (2, "The batch 'points")
    assert run(changed, "--batch", "correction")[0] == 0
    assert account_of(ada).active == 241


def test_the_same_file_under_another_name_is_given_only_when_asked(run, ada):
    text = "email,points\nada@example.com,120\n"
    run(text)
    said = "The same file was imported as the batch 'points.csv'. Use --again to give its points once more."
    for arguments in ([], ["--dry-run"], ["--type", "history"]):
        assert run(text, *arguments, name="copy.csv") == (2, said, [])
    assert account_of(ada).active == 120
    assert run(text, "--again", name="copy.csv")[0] == 0
    assert account_of(ada).active == 240
    assert run(text, "--again", name="copy.csv")[1] == "The batch 'copy.csv' was imported before. Nothing was done."
    assert account_of(ada).active == 240


def test_a_dry_run_writes_nothing(run, ada):
    text = "email,points\nada@example.com,120\nnew@example.com,5\n"
    assert run(text, "--dry-run", "--create-guests") == (
        0,
        "Would import 2 rows: 125 points of 2 customers, 1 of them new guests. Nothing was written.",
        [],
    )
    assert nothing_was_written()


def test_every_wrong_row_is_named_and_none_is_imported(run, ada):
    text = f"""user_id,email,points,expires_at,reason
,ada@example.com,10,,
{ada.pk},ada@example.com,10,,
,,10,,
x,,10,,
99999999999,,10,,
999999,,10,,
,nobody,10,,
,nobody@example.com,10,,
,ada@example.com,1.5,,
,ada@example.com,"1,000",,
,ada@example.com,0,,
,ada@example.com,-5,,
,ada@example.com,2147483648,,
,ada@example.com,10,2020-01-01,
,ada@example.com,10,31.12.{NEXT_YEAR},
,ada@example.com,10,,{"x" * 256}
,ada@example.com,10
"""
    code, said, wrong = run(text)
    assert (code, said) == (1, "Nothing was imported: 16 of 17 rows are wrong.")
    assert wrong == [
        "line 3: fill in exactly one of user_id, email",
        "line 4: fill in exactly one of user_id, email",
        "line 5: user_id is the number of a user, such as 42",
        "line 6: user_id is the number of a user, such as 42",
        "line 7: there is no user with this user_id",
        "line 8: email is not an address",
        "line 9: there is no customer with this email; use --create-guests to make one",
        "line 10: points is not a whole number; write it without spaces, points and commas",
        "line 11: points is not a whole number; write it without spaces, points and commas",
        "line 12: points must be more than 0; leave out customers who have none",
        "line 13: points must be more than 0; leave out customers who have none",
        "line 14: points must not be 0, nor more than 2147483647",
        "line 15: expires_at has passed; leave out points that have expired",
        "line 16: expires_at is not a date; write it like 2026-01-31 or 2026-01-31T12:00:00+00:00",
        "line 17: reason has 256 characters; 255 fit",
        "line 18: has 3 cells, but there are 5 columns",
    ]
    assert nothing_was_written()


def test_beyond_a_limit_wrong_rows_are_counted(run, monkeypatch):
    monkeypatch.setattr(import_points, "ERRORS_LIMIT", 3)
    code, said, wrong = run("email,points\n" + "nobody@example.com,1\n" * 10)
    assert (code, said) == (1, "Nothing was imported: 10 of 10 rows are wrong.")
    assert len(wrong) == 4
    assert wrong[-1] == "… and 7 more"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("email,points\näda@example.com,1\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        ("email,points\na@example.com,1\n".encode("utf-16-le"), "Byte 2 (line 1) is 0"),
        ("email,points,reason\na@example.com,1,caf\xe9\n".encode("latin-1"), "Byte 40 (line 2) is not UTF-8"),
        (b"email,points,reason\na@example.com,1,x\xc3", "Byte 38 (line 2) is not UTF-8"),
        (b"", "does not name the column 'points'"),
        (b"email;points\na@example.com;1\n", "separated by commas"),
        (b"email,points,balance\n", "Column 3 of line 1 is none that balances have"),
        (b"ann@example.com,5\n", "Column 1 of line 1 is none that balances have"),
        (b"email,points,points\n", "names a column twice"),
        (b"email\n", "does not name the column 'points'"),
        (b"points\n", "names none of the columns user_id, email, external_reference"),
        (b"email,points,created_at\n", "Column 3 of line 1 is none that balances have"),
    ],
)
def test_what_is_no_such_file(run, content, why):
    code, said, _ = run(content)
    assert code == 2
    assert why in said
    assert "ann@example.com" not in said
    assert nothing_was_written()


def test_a_character_that_is_cut_by_a_read_is_whole(run, ada, monkeypatch):
    monkeypatch.setattr("saleor_crm_plugin.loyalty.import_format.SCAN_SIZE", 7)
    assert run("email,points,reason\nada@example.com,1,Ümläut ☕ 🫖\n")[0] == 0
    assert entries(ada)[0][3] == "Ümläut ☕ 🫖"
    code, said, _ = run(b"email,points,reason\nada@example.com,1,\xf0\x9f\xab\xab\n,,\xf0\x9f\n", name="b.csv")
    assert (code, said[:25]) == (2, "Byte 46 (line 3) is not UTF"[:25])


def test_a_byte_order_mark_blank_lines_and_quotes_are_fine(run, ada):
    text = 'points,email,reason\r\n\r\n5,ada@example.com,"two\r\nlines, and ""quotes"""\r\n,,\r\n6,ada@example.com,\r\n'
    assert run(codecs.BOM_UTF8 + text.encode())[0] == 0
    assert [(points, reason) for _, points, _, reason in entries(ada)] == [(5, 'two\r\nlines, and "quotes"'), (6, "")]


def test_lines_are_counted_as_an_editor_counts_them(run, ada):
    _, _, wrong = run('email,points,reason\nada@example.com,1,"two\nlines"\n\nada@example.com,x,\n')
    assert wrong == ["line 5: points is not a whole number; write it without spaces, points and commas"]


def test_a_quote_that_never_ends_is_an_error(run, ada):
    code, _, wrong = run('email,points,reason\nada@example.com,1,"never\nada@example.com,2,x\n')
    assert (code, len(wrong)) == (1, 1)
    assert wrong[0].startswith("line 2: this is not CSV: ")
    assert nothing_was_written()


def test_what_looks_like_a_formula_is_text(run, ada):
    run("email,points,reason\nada@example.com,1,=1+1\n")
    assert entries(ada)[0][3] == "=1+1"


def test_a_batch_has_a_short_name(run):
    code, said, _ = run("email,points\n", "--batch", "x" * 49)
    assert (code, said) == (2, "Name the batch with 1 to 48 characters.")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CommandError) as error:
        call_command("crm_import_points", str(tmp_path / "none.csv"))
    assert error.value.returncode == 2


def test_points_for_an_address_wait_as_a_guests_until_its_owner_registers(run):
    assert run("email,points\nbob@example.com,70\n", "--create-guests")[0] == 0
    assert (
        LoyaltyAccount.objects.get().profile_id
        == resolve_profiles([GuestPerson("bob@example.com")])[GuestPerson("bob@example.com")]
    )
    bob = make_customer("bob@example.com")
    sync_customer(bob.pk)
    assert account_of(bob).active == 70


def test_an_address_that_nobody_has_confirmed_gives_nobody_points(run):
    mallory = make_customer("ada@example.com", is_confirmed=False)
    text = "email,points\nada@example.com,70\n"
    _, _, wrong = run(text)
    assert wrong == ["line 2: the user with this email has not confirmed it; use user_id or --create-guests"]
    run(text, "--create-guests")
    assert not LoyaltyAccount.objects.filter(profile__user=mallory).exists()


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_the_address_of_a_deactivated_user_is_nobody_elses(run, is_confirmed):
    ada = make_customer("ada@example.com", is_active=False, is_confirmed=is_confirmed)
    text = "email,points\nada@example.com,70\n"
    for arguments in ([], ["--create-guests"]):
        _, _, wrong = run(text, *arguments)
        assert wrong == ["line 2: the user with this email is deactivated; use user_id"]
    assert nothing_was_written()
    assert run(f"user_id,points\n{ada.pk},70\n")[0] == 0
    assert account_of(ada).active == 70


def test_of_two_who_differ_in_capital_letters_the_one_who_is_spelled_so(run):
    lower, title = make_customer("ada@example.com"), make_customer("Ada@Example.com")
    assert run("email,points\nada@example.com,1\nAda@Example.com,20\n")[0] == 0
    assert [account_of(user).active for user in (lower, title)] == [1, 20]
    _, _, wrong = run("email,points\nADA@example.com,300\n", name="b.csv")
    assert wrong == ["line 2: several users have this email, with other capital letters; use user_id"]


@pytest.mark.parametrize("whose", [0, 1])
@pytest.mark.parametrize("lacks", ["is_confirmed", "is_active"])
def test_of_two_who_differ_in_capital_letters_the_one_who_has_confirmed(run, whose, lacks):
    users = [make_customer("ada@example.com"), make_customer("Ada@Example.com")]
    User.objects.filter(pk=users[1 - whose].pk).update(**{lacks: False})
    assert run("email,points\nADA@example.com,300\n")[0] == 0
    assert account_of(users[whose]).active == 300


def test_imported_points_pay_a_debt_first(run, ada):
    profile = resolve_profiles([UserPerson(ada.pk)])[UserPerson(ada.pk)]
    account_id = ensure(default_program_id(), [profile], "default")[profile]
    with Ledger([account_id]) as ledger:
        ledger.redeem(account_id, 30, Source(key="debt", order_id=uuid4()))
    run("email,points\nada@example.com,100\n")
    assert (account_of(ada).active, account_of(ada).deficit) == (70, 0)


class TestHistory:
    def test_entries_have_their_own_dates_and_running_balances(self, run, ada):
        text = f"""email,points,created_at,expires_at,reason
ada@example.com,100,2024-03-01,2025-03-01,Order 1
ada@example.com,50,2024-04-01T10:00:00+02:00,{NEXT_YEAR}-01-31,Order 2
ada@example.com,-120,2024-05-01,,Voucher
"""
        assert run(text, "--type", "history") == (0, "Imported 3 rows: 30 points of 1 customers.", [])
        assert entries(ada) == [
            ("import", 100, 100, "Order 1"),
            ("import", 50, 150, "Order 2"),
            ("import", -120, 30, "Voucher"),
        ]
        days = PointsTransaction.objects.order_by("pk").values_list("created_at", flat=True)
        assert list(days)[1] == datetime(2024, 4, 1, 8, tzinfo=UTC)
        # What was taken came from the points that expired first.
        assert list(PointsLot.objects.order_by("pk").values_list("remaining", "expires_at")) == [
            (0, datetime(2025, 3, 1, tzinfo=UTC)),
            (30, MIDNIGHT),
        ]
        assert run(text, "--type", "history")[1].endswith("Nothing was done.")

    def test_what_had_expired_by_then_was_not_spent(self, run, ada):
        text = f"""email,points,created_at,expires_at
ada@example.com,100,2024-03-01,2025-03-01
ada@example.com,50,2026-01-01,{NEXT_YEAR}-01-31
ada@example.com,-50,2026-02-01,
"""
        assert run(text, "--type", "history")[0] == 0
        assert list(PointsLot.objects.order_by("pk").values_list("remaining", flat=True)) == [100, 0]
        assert expire_due_lots(timezone.now()) == 1
        assert account_of(ada).active == 0

    @pytest.mark.parametrize("taken", [["-30", "-20"], ["-50"]])
    def test_a_row_that_was_the_expiry_takes_what_had_expired(self, run, ada, taken):
        rows = "".join(f"ada@example.com,{points},2025-03-02,,Expired\n" for points in taken)
        text = f"""email,points,created_at,expires_at,reason
ada@example.com,100,2024-03-01,2025-03-01,
ada@example.com,20,2024-04-01,2025-03-01,
ada@example.com,60,2024-05-01,{NEXT_YEAR}-01-31,
ada@example.com,-70,2024-06-01,,Voucher
{rows}"""
        assert run(text, "--type", "history")[0] == 0
        assert expire_due_lots(timezone.now()) == 0
        assert account_of(ada).active == 60
        # Whoever spends as much later has not spent what was gone.
        later = text.replace("2025-03-02", "2025-05-02").replace("ada@example.com", "bob@example.com")
        assert run(later, "--type", "history", "--create-guests", name="later.csv")[0] == 0
        expire_due_lots(timezone.now())
        assert LoyaltyAccount.objects.get(profile__user=None).active == 10

    def test_more_than_had_not_expired_comes_from_what_had(self, run, ada):
        text = f"""email,points,created_at,expires_at
ada@example.com,100,2024-03-01,2025-03-01
ada@example.com,50,2026-01-01,{NEXT_YEAR}-01-31
ada@example.com,-120,2026-02-01,
"""
        assert run(text, "--type", "history")[0] == 0
        assert list(PointsLot.objects.order_by("pk").values_list("remaining", flat=True)) == [30, 0]

    def test_a_history_may_go_on_in_a_later_chunk(self, run, ada, monkeypatch):
        monkeypatch.setattr(import_points, "CHUNK_SIZE", 1)
        text = "email,points,created_at\nada@example.com,100,2024-03-01\nada@example.com,-60,2024-03-02\n"
        assert run(text, "--type", "history")[0] == 0
        assert account_of(ada).active == 40

    def test_what_is_wrong(self, run, ada):
        other = make_customer("other@example.com")
        profile = resolve_profiles([UserPerson(other.pk)])[UserPerson(other.pk)]
        account_id = ensure(default_program_id(), [profile], "default")[profile]
        adjust(account_id, 5, "Because", SYSTEM, "a")
        tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
        text = f"""email,points,created_at,expires_at
ada@example.com,100,2024-03-02,
ada@example.com,5,2024-03-01,
ada@example.com,-101,2024-03-03,
ada@example.com,-5,2024-03-03,2024-04-01
ada@example.com,5,,
ada@example.com,5,{tomorrow},
other@example.com,5,2024-03-01,
"""
        code, said, wrong = run(text, "--type", "history")
        assert (code, said) == (1, "Nothing was imported: 6 of 7 rows are wrong.")
        assert wrong == [
            "line 3: created_at is before that of the customer's previous row; put the oldest first",
            "line 4: takes 101 points, but the customer's rows before it leave 100",
            "line 5: expires_at belongs to points that were given, not to those that were taken",
            "line 6: created_at is not a date; write it like 2026-01-31 or 2026-01-31T12:00:00+00:00",
            "line 7: created_at is in the future",
            "line 8: the customer's account has entries already, which would come before their history",
        ]
        assert not entries(ada)

    @pytest.mark.parametrize("has_account", [True, False])
    def test_two_of_the_same_customer_that_were_checked_together_are_one(self, ada, has_account):
        if has_account:
            profile = resolve_profiles([UserPerson(ada.pk)])[UserPerson(ada.pk)]
            ensure(default_program_id(), [profile], "default")
        text = "email,points,created_at,reason\nada@example.com,100,2024-03-01,{}\n"
        first, second = (
            import_points.PointsImport(io.BytesIO(text.format(name).encode()), ImportType.HISTORY, name)
            for name in ("first", "second")
        )
        assert [work.check(int).wrong for work in (first, second)] == [0, 0]
        assert first.run(int)
        with pytest.raises(ImportFileError, match="Customers have changed"):
            second.run(int)
        assert entries(ada) == [("import", 100, 100, "first")]
        assert not SyncState.objects.filter(name="import:second").exists()

    def test_it_needs_dates(self, run):
        assert run("email,points\n", "--type", "history")[0] == 2


def test_a_failure_in_the_last_chunk_takes_everything_back(run, ada, monkeypatch):
    monkeypatch.setattr(import_points, "CHUNK_SIZE", 1)
    real, calls = import_points.post_rows, []

    def fail_later(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("power cut")
        real(*args, **kwargs)

    monkeypatch.setattr(import_points, "post_rows", fail_later)
    with pytest.raises(RuntimeError):
        run("email,points\n" + "ada@example.com,1\n" * 3)
    assert nothing_was_written()


@pytest.mark.parametrize("customers", [2, 30])
def test_a_chunk_takes_the_same_number_of_statements(run, customers):
    users = [make_customer() for _ in range(customers)]
    default_program_id()
    statements = []

    def count(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        run("email,points\n" + "".join(f"{user.email},5\n" for user in users))
    assert len([sql for sql in statements if "SAVEPOINT" not in sql]) == 18


@pytest.mark.django_db(transaction=True)
def test_two_at_once_import_it_once(ada):
    both_have_checked = threading.Barrier(2)

    def one(_: int) -> bool:
        try:
            work = import_points.PointsImport(io.BytesIO(b"email,points\nada@example.com,5\n"), BALANCES, "batch")
            assert not work.check(int).imported_before
            both_have_checked.wait(timeout=30)
            return work.run(int)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == [False, True]
    assert account_of(ada).active == 5


def test_capital_letters_do_not_matter_in_the_file_nor_in_the_shop(run):
    bea, cyd = make_customer("Bea@Example.com"), make_customer("CYD@example.com")
    text = "email,points\nbea@example.com,10\nCyd@Example.com,20\n"
    assert run(text) == (0, "Imported 2 rows: 30 points of 2 customers.", [])
    assert [account_of(user).active for user in (bea, cyd)] == [10, 20]


def test_a_number_of_a_user_that_has_no_end_is_a_wrong_row(run):
    assert run(f"user_id,points\n{'9' * 5000},1\n") == (
        1,
        "Nothing was imported: 1 of 1 rows are wrong.",
        ["line 2: user_id is the number of a user, such as 42"],
    )


def test_several_rows_can_give_more_points_than_one(run, ada):
    most = 2**31 - 1
    assert run(f"email,points\nada@example.com,{most}\nada@example.com,1\n")[0] == 0
    assert account_of(ada).active == 2**31


@pytest.mark.parametrize("has_account", [True, False])
@pytest.mark.parametrize("kind", list(ImportType))
def test_a_customer_whose_data_was_deleted_takes_no_points(run, ada, kind, has_account):
    other = make_customer("other@example.com")
    profile = resolve_profiles([UserPerson(ada.pk)])[UserPerson(ada.pk)]
    if has_account:
        ensure(default_program_id(), [profile], "default")
    erase_customer(profile, ErasureLevel.DELETE, SYSTEM, timezone.now())
    text = "user_id,points\n" if kind == BALANCES else "user_id,created_at,points\n"
    rows = [(other.pk, 5), (ada.pk, 7), (other.pk, 9)]
    for user_id, points in rows:
        text += f"{user_id},{points}\n" if kind == BALANCES else f"{user_id},2024-03-01,{points}\n"
    for arguments in (["--dry-run"], []):
        assert run(text, "--type", kind, *arguments) == (
            1,
            "Nothing was imported: 1 of 3 rows are wrong.",
            ["line 3: the customer's account is closed: their data was deleted on request"],
        )
    assert not PointsTransaction.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_account", [True, False])
@pytest.mark.parametrize("level", [ErasureLevel.ANONYMISE, ErasureLevel.DELETE])
def test_an_erasure_while_points_are_imported_takes_what_the_import_has_written(ada, monkeypatch, level, has_account):
    monkeypatch.setattr(import_points, "CHUNK_SIZE", 1)
    make_customer("ben@example.com")
    profile = resolve_profiles([UserPerson(ada.pk)])[UserPerson(ada.pk)]
    if has_account:
        ensure(default_program_id(), [profile], "default")
    file = b"email,points,reason\nada@example.com,100,Ada called\nben@example.com,5,Card\n"
    work = import_points.PointsImport(io.BytesIO(file), BALANCES, "batch")
    work.check(int)
    erasures = []
    with others_who_wait() as let_wait:

        def erase_after_the_first(_: int) -> None:
            if not erasures:
                erasures.append(let_wait(partial(erase_customer, profile, level, SYSTEM)))

        assert work.run(erase_after_the_first)
        erasures[0].result(JOIN_SECONDS)
    assert entries(ada) == [("import", 100, 100, "")]
    assert (account_of(ada).closed_at is not None) == (level == ErasureLevel.DELETE)


@pytest.mark.django_db(transaction=True)
def test_who_is_being_deleted_when_an_import_begins_gets_nothing(ada):
    profile = resolve_profiles([UserPerson(ada.pk)])[UserPerson(ada.pk)]
    work = import_points.PointsImport(io.BytesIO(b"email,points\nada@example.com,5\n"), BALANCES, "batch")
    work.check(int)
    with pytest.raises(AccountClosedError):
        behind(partial(erase_customer, profile, ErasureLevel.DELETE, SYSTEM), partial(work.run, int))
    assert not PointsTransaction.objects.exists()
    assert not SyncState.objects.filter(name="import:batch").exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_are_forgotten_together_are_so_after_the_import_that_has_come_to_one_of_them(ada, monkeypatch):
    monkeypatch.setattr(import_points, "CHUNK_SIZE", 1)
    ben = make_customer("ben@example.com")
    profiles = sorted(resolve_profiles([UserPerson(ada.pk), UserPerson(ben.pk)]).values())
    ensure(default_program_id(), profiles[:1], "default")
    work = import_points.PointsImport(
        io.BytesIO(b"email,points\nada@example.com,100\nben@example.com,5\n"), BALANCES, "batch"
    )
    work.check(int)
    erasures = []
    with others_who_wait() as let_wait:

        def erase_after_the_first(_: int) -> None:
            if not erasures:
                erasures.append(let_wait(partial(erase_customers, profiles, ErasureLevel.DELETE, SYSTEM)))

        assert work.run(erase_after_the_first)
        assert len(erasures[0].result(JOIN_SECONDS)) == 2
    assert [(account_of(user).active, account_of(user).closed_at is None) for user in (ada, ben)] == [
        (100, False),
        (5, False),
    ]
