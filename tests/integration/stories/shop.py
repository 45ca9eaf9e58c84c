"""What happens in the stories, and what the shopkeeper reads afterwards. Everything goes through Saleor's own hooks."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timedelta
from decimal import Decimal as D

import time_machine
from django.utils import timezone
from saleor.checkout.actions import call_checkout_event
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.utils import invalidate_checkout

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsLot, PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, RuleStatus
from tests.devshop.factories import make_order, make_product
from tests.devshop.flows import announce_order, manager, pay_order
from tests.integration.loyalty.audit import assert_ledger_adds_up

YESTERDAY = (timezone.now() - timedelta(days=1)).isoformat()


def then(at: datetime | None):
    """What is done within is done at that moment; None: now."""
    return time_machine.travel(at, tick=False) if at else nullcontext()


def run(task, at: datetime) -> None:
    """A periodic task whose time has come."""
    with then(at):
        task()


def buy(channel, amount: D | int, user=None, email: str = "", paid: bool = False, at: datetime | None = None, **kwargs):
    with then(at):
        product = make_product(price=amount, channel=channel)
        order = make_order(user, email, channel, [(product.default_variant, 1)], paid=False, created_at=at, **kwargs)
        announce_order(order)
        if paid:
            pay_order(order)
    return order


def change_quantity(checkout, quantity: int) -> None:
    """As Saleor's own mutations do; nothing is left with 0."""
    checkout.refresh_from_db()
    if quantity:
        checkout.lines.update(quantity=quantity)
    else:
        checkout.lines.all().delete()
    lines, _ = fetch_checkout_lines(checkout)
    invalidate_checkout(fetch_checkout_info(checkout, lines, manager()), lines, manager(), save=True)
    call_checkout_event(manager(), "checkout_updated", checkout)


def make_rule(
    name: str, effect: Effect, value: D | int, trigger=Trigger.ORDER, status=RuleStatus.LIVE, **changes
) -> EarningRule:
    definition = RuleDefinition(trigger, effect, D(value), **changes)
    return create_rule(default_program_id(), name, status, definition, SYSTEM)


def entries(user=None) -> list[tuple[str, int, int]]:
    """Type, points and balance after of each entry, of all or of one customer. The ledger adds up."""
    assert_ledger_adds_up()
    rows = PointsTransaction.objects.order_by("pk")
    if user is not None:
        rows = rows.filter(account__profile__user=user)
    return list(rows.values_list("type", "points", "balance_after"))


def account_of(user) -> LoyaltyAccount:
    return LoyaltyAccount.objects.get(profile__user=user)


def balances(user) -> tuple[int, int, int]:
    """Active, pending and owed points of a customer."""
    account = account_of(user)
    return account.active, account.pending, account.deficit


def lots() -> list[tuple[int, int]]:
    """Amount and rest of each lot, oldest first."""
    return list(PointsLot.objects.order_by("pk").values_list("amount", "remaining"))
