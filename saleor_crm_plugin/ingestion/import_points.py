"""Points brought along from another loyalty system: all rows of a file, or none.

The file is read twice. The first time nothing is written: every wrong row is found. The second time the rows become
entries, a thousand at once, in one transaction. Each file is a batch with a name: a batch that was imported is never
imported again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from django.conf import settings as django_settings
from django.db import IntegrityError, reset_queries, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower, Trim
from django.utils import timezone
from saleor.account.models import User
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.exceptions import ImportFileError
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.import_format import (
    Customer,
    CustomerColumn,
    ImportRow,
    ImportType,
    RowError,
    read_rows,
    scan,
)
from saleor_crm_plugin.loyalty.importing import lock_accounts_of, post_rows, with_closed_account, with_entries
from saleor_crm_plugin.profiles.identity import (
    GuestPerson,
    Person,
    UserPerson,
    find_profiles,
    normalize_email,
    resolve_profiles,
)
from saleor_crm_plugin.profiles.privacy.erasing import deleted_ones
from saleor_crm_plugin.waiting import wait_for_erasures

# Rows that are looked up and written at once.
CHUNK_SIZE: Final = 2_000
# Wrong rows that are named; the rest is counted.
ERRORS_LIMIT: Final = 100
BATCH_NAME_MAX_LENGTH: Final = 48
CHANGED: Final = "Customers have changed since the file was checked. Start again."
STATE_PREFIX: Final = "import:"

Progress = Callable[[int], object]


@dataclass(slots=True)
class ImportCheck:
    """What a file holds.

    Attributes:
        points: of all rows together.
        customers: who has a row.
        new_guests: those of them who are not known yet.
        errors: the first `ERRORS_LIMIT` wrong rows; `wrong` counts all.
        imported_before: the batch was imported from this very file, and is not imported again.
    """

    rows: int = 0
    points: int = 0
    wrong: int = 0
    errors: list[RowError] = field(default_factory=list)
    customers: int = 0
    new_guests: int = 0
    imported_before: bool = False

    def refuse(self, error: RowError) -> None:
        self.wrong += 1
        if len(self.errors) < ERRORS_LIMIT:
            self.errors.append(error)


class PointsImport:
    """One file, as one batch.

    Args:
        batch: name of the batch, kept for good.
        create_guests: addresses of nobody become guests, whose points wait until they register.
        again: the same file may have been imported as another batch.

    Raises:
        ImportFileError: the file is not UTF-8, or the batch's name is too long.
    """

    def __init__(
        self, file: BinaryIO, kind: ImportType, batch: str, *, create_guests: bool = False, again: bool = False
    ) -> None:
        if not 0 < len(batch) <= BATCH_NAME_MAX_LENGTH:
            raise ImportFileError(f"Name the batch with 1 to {BATCH_NAME_MAX_LENGTH} characters.")
        self.now = timezone.now()
        self._file, self._kind, self._batch, self._create_guests = file, kind, batch, create_guests
        self._again = again
        self._scan = scan(file)
        # Profiles that had a row when it was checked.
        self._known: set[int] = set()
        self._using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME

    @property
    def lines(self) -> int:
        """Lines of the file: about as many as rows."""
        return self._scan.lines

    @allow_writer()
    def check(self, progress: Progress) -> ImportCheck:
        """Read all rows and write nothing.

        Raises:
            ImportFileError: the first line does not name the columns, the batch's name was that of another file, or
                the file was imported as another batch.
        """
        found = ImportCheck()
        if self._imported_before():
            found.imported_before = True
            return found
        program_id = accounts.default_program_id(self._using)
        seen: dict[Person, tuple[datetime | None, int]] = {}
        busy: set[Person] = set()
        gone: set[Person] = set()
        self._known = set()
        for chunk in self._chunks():
            persons = self._persons({row.customer for row in chunk if isinstance(row, ImportRow)})
            new = {person for person in persons.values() if not isinstance(person, str)} - seen.keys()
            known = find_profiles(new, self._using)
            found.new_guests += sum(isinstance(person, GuestPerson) for person in new - known.keys())
            self._known |= set(known.values())
            closed = with_closed_account(program_id, set(known.values()), self._using)
            closed |= deleted_ones(set(known.values()), self._using)
            gone |= {person for person, profile_id in known.items() if profile_id in closed}
            if self._kind == ImportType.HISTORY:
                profiles = with_entries(program_id, set(known.values()), self._using)
                busy |= {person for person, profile_id in known.items() if profile_id in profiles}
            for row in chunk:
                if isinstance(row, RowError):
                    found.refuse(row)
                    continue
                person = persons[row.customer]
                if isinstance(person, str):
                    found.refuse(RowError(row.line, person))
                    continue
                previous, available = seen.get(person, (None, 0))
                if what := self._what_is_wrong(
                    row, previous, available, has_entries=person in busy, is_closed=person in gone
                ):
                    found.refuse(RowError(row.line, what))
                    continue
                seen[person] = row.created_at, available + row.points
                found.rows += 1
                found.points += row.points
            progress(len(chunk))
            reset_queries()
        found.customers = len(seen)
        return found

    @allow_writer()
    def run(self, progress: Progress) -> bool:
        """Post all rows that `check` has found nothing wrong with, in one transaction.

        Returns:
            Whether they were posted now; False: they were before.

        Raises:
            CRMError: something has changed since. Nothing was written.
        """
        try:
            with transaction.atomic(using=self._using):
                # Of two at once, the second waits here.
                SyncState.objects.using(self._using).create(name=self._state, value={"digest": self._scan.digest})
                self._post(progress)
        except IntegrityError:
            if self._imported_before():
                return False
            raise
        return True

    def _post(self, progress: Progress) -> None:
        program_id = accounts.default_program_id(self._using)
        # All at once and in order: chunk by chunk, two that hold what the other needs could wait for each other.
        # Profiles before accounts, as an erasure locks them.
        known = sorted(self._known)
        for start in range(0, len(known), CHUNK_SIZE):
            wait_for_erasures(known[start : start + CHUNK_SIZE], self._using)
        lock_accounts_of(program_id, self._known, CHUNK_SIZE, self._using)
        begun: set[int] = set()
        for chunk in self._chunks():
            rows = [row for row in chunk if isinstance(row, ImportRow)]
            persons = self._persons({row.customer for row in rows})
            whose = [(row, person) for row in rows if not isinstance(person := persons[row.customer], str)]
            if len(whose) < len(chunk):
                raise ImportFileError(CHANGED)
            profiles = resolve_profiles({person for _, person in whose}, self._using)
            account_of = accounts.ensure(program_id, set(profiles.values()), self._using)
            if self._kind == ImportType.HISTORY:
                self._check_begins(program_id, set(profiles.values()) - begun)
                begun |= set(profiles.values())
            post_rows(
                [(account_of[profiles[person]], row) for row, person in whose],
                key=self._state,
                is_history=self._kind == ImportType.HISTORY,
                now=self.now,
                using=self._using,
            )
            progress(len(chunk))
            reset_queries()

    def _check_begins(self, program_id: int, profile_ids: Collection[int]) -> None:
        """Nothing may come before a history. Once the accounts are locked: others may have opened them meanwhile."""
        lock_accounts_of(program_id, profile_ids, CHUNK_SIZE, self._using)
        if with_entries(program_id, profile_ids, self._using):
            raise ImportFileError(CHANGED)

    @property
    def _state(self) -> str:
        return f"{STATE_PREFIX}{self._batch}"

    def _imported_before(self) -> bool:
        states = SyncState.objects.using(self._using).filter(
            Q(name=self._state) | Q(name__startswith=STATE_PREFIX, value__digest=self._scan.digest)
        )
        digests = {name: value["digest"] for name, value in states.order_by("name").values_list("name", "value")}
        digest = digests.pop(self._state, None)
        if digest is None:
            if digests and not self._again:
                earlier = next(iter(digests)).removeprefix(STATE_PREFIX)
                raise ImportFileError(
                    f"The same file was imported as the batch {earlier!r}. Use --again to give its points once more."
                )
            return False
        if digest != self._scan.digest:
            raise ImportFileError(
                f"The batch {self._batch!r} was imported from another file. Put what is new into a file of its own, "
                "with another --batch."
            )
        return True

    def _chunks(self) -> Iterator[list[ImportRow | RowError]]:
        self._file.seek(0)
        rows = read_rows(self._file, self._kind, timezone.get_current_timezone(), self.now)
        while chunk := list(islice(rows, CHUNK_SIZE)):
            yield chunk

    def _persons(self, customers: Collection[Customer]) -> dict[Customer, Person | str]:
        """Who they are, or why nobody can be told. At most five statements."""
        found: dict[Customer, Person | str] = {}
        by_column: dict[CustomerColumn, list[Customer]] = {column: [] for column in CustomerColumn}
        for customer in customers:
            by_column[customer.column].append(customer)
        users = User.objects.using(self._using).order_by()
        if asked := by_column[CustomerColumn.USER_ID]:
            ids = set(users.filter(pk__in=[int(each.value) for each in asked]).values_list("pk", flat=True))
            for each in asked:
                user_id = int(each.value)
                found[each] = UserPerson(user_id) if user_id in ids else "there is no user with this user_id"
        if asked := by_column[CustomerColumn.EXTERNAL_REFERENCE]:
            references = users.filter(external_reference__in=[each.value for each in asked])
            user_of = dict(references.values_list("external_reference", "pk"))
            for each in asked:
                who = user_of.get(each.value)
                found[each] = UserPerson(who) if who is not None else "there is no user with this external_reference"
        if asked := by_column[CustomerColumn.EMAIL]:
            found.update(self._by_email(asked))
        return found

    def _by_email(self, customers: Iterable[Customer]) -> dict[Customer, Person | str]:
        address_of = {customer: normalize_email(customer.value) for customer in customers}
        users = User.objects.using(self._using).order_by()
        # As it is spelled in the file: no other user has it so.
        exact = _holders(users.filter(email__in={*address_of.values(), *(customer.value for customer in address_of)}))
        alike = _by_address(exact.values())
        unknown = {address for customer, address in address_of.items() if customer.value not in exact}
        if unknown and self._spells_differ:
            spelled = _holders(users.alias(address=Lower(Trim("email"))).filter(address__in=unknown))
            alike |= _by_address(spelled.values())
        guests = find_profiles({GuestPerson(email) for email in address_of.values()}, self._using)
        found: dict[Customer, Person | str] = {}
        for customer, address in address_of.items():
            own = exact.get(customer.value)
            holders, guest = [own] if own is not None else alike.get(address, []), GuestPerson(address)
            owners = [holder.user_id for holder in holders if holder.is_active and holder.is_confirmed]
            if len(owners) == 1:
                found[customer] = UserPerson(owners[0])
            elif owners:
                found[customer] = "several users have this email, with other capital letters; use user_id"
            elif holders and not any(holder.is_active for holder in holders):
                # Nobody could become the guest: the address is taken.
                found[customer] = "the user with this email is deactivated; use user_id"
            elif guest in guests or self._create_guests:
                found[customer] = guest
            elif holders:
                found[customer] = "the user with this email has not confirmed it; use user_id or --create-guests"
            else:
                found[customer] = "there is no customer with this email; use --create-guests to make one"
        return found

    @cached_property
    def _spells_differ(self) -> bool:
        """Whether the shop has addresses with capital letters or outer spaces, which no index finds by the address.

        Saleor's own registration lowers them; an import or another way to sign in may not.
        """
        return User.objects.using(self._using).exclude(email=Lower(Trim("email"))).exists()

    def _what_is_wrong(
        self, row: ImportRow, previous: datetime | None, available: int, *, has_entries: bool, is_closed: bool
    ) -> str | None:
        if is_closed:
            return "the customer's account is closed: their data was deleted on request"
        if row.created_at is None:
            return None
        if has_entries:
            return "the customer's account has entries already, which would come before their history"
        if previous is not None and row.created_at < previous:
            return "created_at is before that of the customer's previous row; put the oldest first"
        if row.points + available < 0:
            return f"takes {-row.points} points, but the customer's rows before it leave {available}"
        return None


class _Holder(NamedTuple):
    """A user with an address. It is theirs only once they have confirmed it."""

    user_id: int
    email: str
    is_confirmed: bool
    is_active: bool


def _holders(users: QuerySet[User]) -> dict[str, _Holder]:
    """By the address as Saleor has it, which no two users share."""
    rows = map(_Holder._make, users.values_list("pk", "email", "is_confirmed", "is_active").order_by("pk"))
    return {holder.email: holder for holder in rows}


def _by_address(holders: Iterable[_Holder]) -> dict[str, list[_Holder]]:
    """By the address as it is compared."""
    found: dict[str, list[_Holder]] = {}
    for holder in holders:
        found.setdefault(normalize_email(holder.email), []).append(holder)
    return found
