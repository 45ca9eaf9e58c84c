"""Statements as CSV, row by row, with no more about a person than was asked for."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from django.conf import settings as django_settings
from saleor.account.models import User
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.csv_cells import Writable, cell
from saleor_crm_plugin.ingestion.lookup import profile_id_by_email
from saleor_crm_plugin.loyalty.accounts import of_profile
from saleor_crm_plugin.loyalty.statements import FETCH_SIZE, StatementLine, statement_lines
from saleor_crm_plugin.profiles.identity import UserPerson, find_profiles, guest_emails

COLUMNS: Final = StatementLine._fields
EMAIL_COLUMN: Final = "email"
TEXT_COLUMNS: Final = frozenset({"reason", EMAIL_COLUMN})


def accounts_of_customer(*, user_id: int | None = None, email: str | None = None) -> set[int] | None:
    """Accounts of a customer, those included that were merged into theirs; None if there is no such customer.

    Args:
        email: of the user who has this address, else of the guest who has ordered with it.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    with allow_writer():
        if email is not None:
            profile_id = profile_id_by_email(email, using)
        else:
            persons = [] if user_id is None else [UserPerson(user_id)]
            profile_id = next(iter(find_profiles(persons, using).values()), None)
        return None if profile_id is None else of_profile(profile_id, using)


@allow_writer()
def export_statements(
    out: Writable,
    *,
    account_ids: Iterable[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    with_email: bool = False,
    progress: Callable[[int], object],
) -> int:
    """Write a header and the entries; returns how many. Memory does not grow with their number.

    Args:
        account_ids: only these; None: all.
        since: only entries from then on.
        until: only entries before it.
        with_email: add a column with the customer's address.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    writer = csv.writer(out)
    columns = [*COLUMNS, EMAIL_COLUMN] if with_email else COLUMNS
    writer.writerow(columns)
    only = None if account_ids is None else list(account_ids)
    lines = statement_lines(using, only, since, until)
    written = 0
    for chunk in _chunks(lines):
        emails = _emails(chunk, using) if with_email else {}
        for line in chunk:
            values = [*line, emails.get(line.profile_id)] if with_email else line
            writer.writerow(
                [cell(value, is_text=name in TEXT_COLUMNS) for name, value in zip(columns, values, strict=True)]
            )
        written += len(chunk)
        progress(len(chunk))
    return written


def _chunks(lines: Iterator[StatementLine]) -> Iterator[list[StatementLine]]:
    while chunk := list(islice(lines, FETCH_SIZE)):
        yield chunk


def _emails(lines: Iterable[StatementLine], using: str) -> dict[int, str]:
    """The address of the user, or of the guest, by profile id."""
    profile_of_user = {line.user_id: line.profile_id for line in lines if line.user_id is not None}
    guests = {line.profile_id for line in lines if line.user_id is None}
    users = User.objects.using(using).filter(pk__in=profile_of_user).order_by().values_list("pk", "email")
    emails = {profile_of_user[pk]: email for pk, email in users}
    return emails | guest_emails(guests, using)
