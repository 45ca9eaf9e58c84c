"""What `crm_reconcile` says: everything that it repaired, and what it could not; only then that all is in line."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import sync
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import make_channel, make_customer, make_order, make_product

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"
IN_LINE = "Everything is in line."
STUCK = (
    "Customers and accounts whose points cannot be moved to where they belong: 1; the log says why. "
    "Each full reconciliation tries again."
)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("crm_reconcile", *arguments, stdout=out)
    return out.getvalue().strip()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return str(error.value)


def new_order(email: str = EMAIL) -> Order:
    return make_order(email=email, lines=[(make_product(price=10), 1)])


def guest() -> int:
    return resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]


def open_account(profile_id: int, held: int) -> None:
    account_id = accounts.ensure(accounts.default_program_id(), [profile_id], "default")[profile_id]
    adjust(account_id, 5, "Import", SYSTEM, "import")
    hold(held)


def hold(points: int) -> None:
    LoyaltyAccount.objects.update(held=points)


def test_orders() -> None:
    new_order()

    assert run() == "Repaired: unseen 1."
    assert run("--recent") == IN_LINE
    assert not User.objects.exists()


def test_orders_that_failed_are_not_called_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    new_order()
    bad = new_order("bad@example.com")
    real = sync.read_orders

    def read_orders(order_ids: Any, using: str) -> Any:
        if bad.pk in order_ids:
            raise ValueError
        return real(order_ids, using)

    monkeypatch.setattr(sync, "read_orders", read_orders)

    failed = "Of these orders 1 failed and are not repaired; the log says why. Each reconciliation tries them again."
    for found in ("unseen 2", "failed before 1"):
        assert refusal() == f"Out of line: {found}. {failed}"
    monkeypatch.undo()
    assert run() == "Repaired: failed before 1."


def test_an_account_that_was_opened_while_its_customer_was_merged() -> None:
    profile_id = guest()
    sync_customer(make_customer(EMAIL).pk)
    open_account(profile_id, held=0)

    assert run() == "Repaired: merged 1."
    assert run() == IN_LINE


def test_one_that_cannot_be_merged_yet() -> None:
    profile_id = guest()
    sync_customer(make_customer(EMAIL).pk)
    open_account(profile_id, held=5)

    assert refusal() == STUCK
    hold(0)
    assert run() == "Repaired: merged 1."


@pytest.mark.parametrize("arguments", [(), ("--recent",)])
def test_a_guest_who_cannot_go_to_the_user_yet(arguments: tuple[str, ...]) -> None:
    assert run() == IN_LINE
    open_account(guest(), held=5)
    make_customer(EMAIL)

    assert refusal(*arguments) == f"Repaired: new users 1. {STUCK}"
    hold(0)
    assert run() == "Repaired: guests 1."
    assert run() == IN_LINE


def test_what_could_be_repaired_stands_beside_what_could_not() -> None:
    open_account(guest(), held=5)
    make_customer(EMAIL)
    make_order(make_customer("eve@example.com"), lines=[(make_product(price=10), 1)])

    assert refusal() == f"Repaired: unseen 1, account events 2. {STUCK}"


@pytest.mark.parametrize("arguments", [(), ("--recent",)])
def test_an_address_that_a_user_has_left(arguments: tuple[str, ...]) -> None:
    guest()
    user = make_customer(EMAIL)
    sync_customer(user.pk)
    assert run() == IN_LINE
    user.email = "ada@elsewhere.example"
    user.save()

    assert run(*arguments) == "Repaired: addresses left 1."
    assert run(*arguments) == IN_LINE


@pytest.mark.parametrize("arguments", [(), ("--recent",)])
def test_events_of_an_account(arguments: tuple[str, ...]) -> None:
    sync_customer(make_customer(EMAIL).pk)
    assert run() == IN_LINE
    ProfileEvent.objects.all().delete()

    assert run(*arguments) == "Repaired: account events 2."
    assert run(*arguments) == IN_LINE


def test_orders_of_a_channel_that_is_deleted() -> None:
    shop, kiosk = make_channel(), make_channel("kiosk")
    order = make_order(email=EMAIL, channel=kiosk, lines=[(make_product(price=10, channel=kiosk), 1)])
    sync_order(order.pk)
    Order.objects.update(channel=shop)
    kiosk.delete()

    assert run() == "Repaired: in another channel 1."
    assert run() == IN_LINE
