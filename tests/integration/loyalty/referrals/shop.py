"""A shop that rewards referrals: what the tests do in it. Whatever is bought is 60 and has a window of 14 days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from prices import Money, TaxedMoney
from saleor.account.models import User
from saleor.giftcard import GiftCardEvents
from saleor.giftcard.models import GiftCard
from saleor.order.models import Fulfillment, Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import HoldForm, PointsHold, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.devshop.factories import make_address, make_order, make_product, make_voucher
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

BEFORE = datetime(2026, 5, 1, tzinfo=UTC)
APPLIED = datetime(2026, 5, 13, 8, tzinfo=UTC)
BOUGHT = datetime(2026, 5, 14, 8, tzinfo=UTC)
WINDOW = timedelta(days=14)
DUE = BOUGHT + WINDOW


def terms(channel, **changes) -> None:
    loyalty_settings(channel, **{"points_per_unit": "1", "earn_from": "2026-01-01", "pending_days": "14", **changes})


def buy(
    user: User,
    price: int = 60,
    at: datetime = BOUGHT,
    gift_card: int = 0,
    every_line: Mapping[str, object] | None = None,
    **fields,
) -> Order:
    """
    Args:
        gift_card: price of one that is bought beside it; 0: none.
        every_line: what the lines are besides.
    """
    lines = [(make_product(price=price), 1)] + [(make_product(price=gift_card), 1)] * bool(gift_card)
    # Each of their own, so that they are no household.
    fields.setdefault("billing_address", make_address(last_name=user.email, street_address_1=user.email))
    order = make_order(user, lines=lines, created_at=at, **fields)
    if gift_card:
        order.lines.filter(unit_price_gross_amount=gift_card).update(is_gift_card=True)
    order.lines.update(**every_line or {})
    sync(order)
    return order


def buy_with_gift_card(user: User, balance: int) -> Order:
    """As `buy`, with a card of the customer's own; the rest is paid in money."""
    order = buy(user, paid=False)
    card = GiftCard.objects.create(code="OWN", currency="USD", initial_balance_amount=balance, current_balance_amount=0)
    _use_card(order, card, Decimal(balance))
    _pay_rest(order)
    return order


def buy_with_points(user: User, points: int, form: str, at: datetime = BOUGHT, **fields) -> Order:
    """As `buy`, with points at a cent each; the rest is paid in money."""
    person = UserPerson(user.pk)
    profile_id = resolve_profiles([person])[person]
    account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
    adjust(account_id, points, "Opening balance", SYSTEM, f"open:{user.pk}")
    amount, code, card = Decimal(points) / 100, None, None
    if form == HoldForm.VOUCHER:
        code = make_voucher("LP-1", amount)
    else:
        card = GiftCard.objects.create(
            code="LP-1", currency="USD", initial_balance_amount=amount, current_balance_amount=0
        )
    with Ledger([account_id]) as ledger:
        ledger.wallets[account_id].hold(points)
    PointsHold.objects.create(
        account_id=account_id, checkout_token=uuid4(), requested=points, points=points, amount=amount, currency="USD",
        form=form, code=code and code.code, gift_card=card, created_at=at, expires_at=at + timedelta(hours=1),
    )  # fmt: skip
    order = buy(user, at=at, paid=False, voucher_code=code, discount=amount if code else 0, **fields)
    if card:
        _use_card(order, card, amount)
    _pay_rest(order)
    return order


def _use_card(order: Order, card: GiftCard, amount: Decimal) -> None:
    used = {"old_current_balance": str(amount), "current_balance": "0"}
    card.events.create(type=GiftCardEvents.USED_IN_ORDER, order=order, parameters={"balance": used})
    order.total -= TaxedMoney(*[Money(amount, "USD")] * 2)


def _pay_rest(order: Order) -> None:
    order.total_charged_amount = order.total_gross_amount
    order.save()
    sync(order)


def sync(*orders: Order) -> None:
    result = sync_orders([order.pk for order in orders])
    assert not result.failed
    assert_ledger_adds_up()


def cancel(order: Order) -> None:
    order.status = "canceled"
    order.save()
    sync(order)


def send(order: Order, at: datetime) -> Fulfillment:
    """All of it."""
    fulfillment = order.fulfillments.create(status="fulfilled")
    Fulfillment.objects.filter(pk=fulfillment.pk).update(created_at=at)
    order.status = "fulfilled"
    order.save()
    sync(order)
    return fulfillment


def call_back(order: Order, fulfillment: Fulfillment) -> None:
    """Staff cancel it: the wrong parcel."""
    order.fulfillments.filter(pk=fulfillment.pk).update(status="canceled")
    order.status = "unfulfilled"
    order.save()
    sync(order)


def refund(order: Order, amount: int) -> None:
    payment = order.payments.get()
    payment.captured_amount -= amount
    payment.save()
    payment.transactions.create(
        kind="refund", is_success=True, amount=amount, currency=order.currency, gateway_response={}
    )
    order.total_charged_amount = payment.captured_amount
    order.save()
    sync(order)


def run(now: datetime = DUE) -> int:
    settled = settle(load_settings(), now)
    assert_ledger_adds_up()
    return settled


def gifts(user: User) -> list[int]:
    """Entries other than those of orders."""
    rows = PointsTransaction.objects.filter(account__profile__user=user, order_id__isnull=True).order_by("pk")
    return list(rows.values_list("points", flat=True))


def state(referral: Referral) -> tuple[str, str]:
    referral.refresh_from_db()
    return referral.status, referral.refusal


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(LoyaltyInputError) as error:
        call()
    return error.value.code
