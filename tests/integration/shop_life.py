"""A life of a small shop as data: what buyers and staff do, in Saleor's rows, and whether a hook tells of it."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal as D
from typing import Any, Final
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone
from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.checkout.complete_checkout import complete_checkout
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout, CheckoutLine
from saleor.giftcard.models import GiftCard
from saleor.order import FulfillmentStatus, OrderGrantedRefundStatus, OrderStatus
from saleor.order.models import Order
from saleor.product.models import ProductVariant

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.redemption import apply_points, release_timed_out_holds
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.rules.definition import Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.devshop import flows
from tests.devshop.factories import make_address, make_channel, make_customer, make_product
from tests.integration.calling_off import give_back
from tests.shop_settings import loyalty_settings

OPENING: Final = 20_000
GUEST: Final = "guest@example.com"
# Of each product, in whole units of the currency; two of each are bought.
PRICES: Final = (4, 10, 25)
RETURNS: Final = (
    FulfillmentStatus.RETURNED,
    FulfillmentStatus.REFUNDED,
    FulfillmentStatus.REFUNDED_AND_RETURNED,
)


@dataclass(frozen=True)
class Action:
    """What happens; each kind reads those fields that it needs.

    Attributes:
        who: 0 and 1 are members, 2 is the guest.
        without: which product is not bought.
        order: which of the orders so far, counted from the latest.
        share: how much of the order, of what was paid, or of a line.
        points: how many are put on, or given by staff.
        card: what the customer's own gift card is worth.
        status: of a granted refund, or of the fulfillment that goods come back in.
        is_told: whether Saleor's hook arrives.
        by_app: whether a payment app takes the money, as a transaction, rather than staff.
    """

    kind: str
    who: int = 0
    without: int | None = 0
    order: int = 0
    share: D = D(1)
    points: int = 0
    card: int = 0
    status: str = ""
    is_told: bool = True
    by_app: bool = False


class Shop:
    """A channel that takes unpaid orders, three products, and two members with `OPENING` points each.

    Attributes:
        given: what staff have given each member, by user.
        most_bonus: the most that rules can give one customer beside a point for each unit.
    """

    def __init__(self, *, has_rules: bool = False, **settings: Any) -> None:
        self.channel: Channel = make_channel(allow_unpaid_orders=True)
        loyalty_settings(
            self.channel, point_value="0.01", points_per_unit="1", earn_from="2000-01-01T00:00:00+00:00", **settings
        )
        products = [make_product(price=price, channel=self.channel, stock=None) for price in PRICES]
        self.variants: list[ProductVariant] = [product.default_variant for product in products]
        self.members: list[User] = [make_customer(f"member{number}@example.com") for number in range(2)]
        for user in self.members:
            self._give(user, OPENING, f"opening {user.pk}")
        self.given = {user.pk: OPENING for user in self.members}
        self.most_bonus = 0
        if has_rules:
            program_id = default_program_id()
            bonus = RuleDefinition(Trigger.FIRST_ORDER, Effect.FIXED_POINTS, D(250), limits=Limits(uses_per_customer=1))
            double = RuleDefinition(Trigger.ORDER, Effect.MULTIPLIER, D(2), limits=Limits(points_per_customer=60))
            for number, rule in enumerate((bonus, double)):
                create_rule(program_id, f"Rule {number}", RuleStatus.LIVE, rule, SYSTEM)
            self.most_bonus = 250 + 60
        self.orders: list[UUID] = []
        self.count = 0

    def do(self, action: Action) -> None:
        """Let it happen, if it can."""
        self.count += 1
        if action.kind == "buy":
            self._buy(action)
        elif action.kind == "adjust":
            user = self.members[action.who % 2]
            self._give(user, action.points, f"adjustment {self.count}")
            self.given[user.pk] += action.points
        elif action.kind == "run_jobs":
            release_timed_out_holds(timezone.now() + timedelta(days=8))
            reconcile(full=False)
        elif action.kind == "register":
            self._register(action)
        elif self.orders:
            order = Order.objects.get(pk=self.orders[-1 - action.order % len(self.orders)])
            getattr(self, f"_{action.kind}")(order, action)
            if action.is_told:
                sync_order(order.pk)

    def _give(self, user: User, points: int, key: str) -> None:
        profile_id = resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]
        account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
        adjust(account_id, points, "Because", Actor(ActorType.STAFF, 1), key)

    def _buy(self, action: Action) -> None:
        user = self.members[action.who] if action.who < 2 else None
        checkout = Checkout.objects.create(
            user=user,
            email=user.email if user else GUEST,
            channel=self.channel,
            currency=self.channel.currency_code,
            billing_address=make_address(),
        )
        for number, variant in enumerate(self.variants):
            if number != action.without:
                CheckoutLine.objects.create(
                    checkout=checkout,
                    variant=variant,
                    quantity=2,
                    currency=checkout.currency,
                    undiscounted_unit_price_amount=PRICES[number],
                )
        if action.card:
            own = GiftCard.objects.create(
                code=f"OWN-{self.count}",
                currency="USD",
                initial_balance_amount=action.card,
                current_balance_amount=action.card,
            )
            checkout.gift_cards.add(own)
        if user and action.points:
            with suppress(RedemptionError):
                apply_points(checkout.pk, user.pk, action.points, manager=flows.manager())
        checkout = Checkout.objects.get(pk=checkout.pk)
        lines, _ = fetch_checkout_lines(checkout)
        info = fetch_checkout_info(checkout, lines, flows.manager())
        order = complete_checkout(flows.manager(), info, lines, {}, False, user, None)[0]
        assert order is not None
        # Staff confirm what was not paid in the checkout.
        Order.objects.filter(pk=order.pk).update(status=OrderStatus.UNFULFILLED, updated_at=timezone.now())
        self.orders.append(order.pk)
        if action.is_told:
            sync_order(order.pk)

    def _pay(self, order: Order, action: Action) -> None:
        if order.status == OrderStatus.CANCELED or order.total_charged_amount >= order.total_gross_amount:
            return
        is_begun = order.payments.exists() or order.payment_transactions.exists()
        if not action.by_app and not is_begun:
            flows.pay_order(order)
        elif not order.payments.exists():
            left = order.total_gross_amount - order.total_charged_amount
            flows.pay_order(order, max((left * action.share).quantize(D("0.01")), D("0.01")))

    def _fulfill(self, order: Order, action: Action) -> None:
        lines = [
            (line, max(int(line.quantity_unfulfilled * action.share), 1))
            for line in order.lines.order_by("variant_id")
            if line.quantity_unfulfilled
        ]
        if lines and order.status in (OrderStatus.UNFULFILLED, OrderStatus.PARTIALLY_FULFILLED):
            flows.fulfill_order(order, lines)

    def _refund(self, order: Order, action: Action) -> None:
        items = [item for item in order.payment_transactions.order_by("pk") if item.charged_value]
        payment = order.get_last_payment()
        paid = items[0].charged_value if items else payment.captured_amount if payment else D(0)
        amount = (paid * action.share).quantize(D("0.01"))
        if amount > 0:
            flows.refund_order(order, amount, items[0] if items else None)

    def _grant(self, order: Order, action: Action) -> None:
        if order.total_charged_amount <= 0:
            return
        line = order.lines.order_by("variant_id")[self.count % order.lines.count()]
        amount = (line.total_price_gross_amount / line.quantity * action.share).quantize(D("0.01"))
        granted = order.granted_refunds.create(amount_value=amount, currency=order.currency, status=action.status)
        granted.lines.create(order_line=line, quantity=1)
        Order.objects.filter(pk=order.pk).update(updated_at=timezone.now())

    def _answer_grants(self, order: Order, action: Action) -> None:
        order.granted_refunds.filter(status=OrderGrantedRefundStatus.PENDING).update(status=action.status)
        Order.objects.filter(pk=order.pk).update(updated_at=timezone.now())

    def _bring_back(self, order: Order, action: Action) -> None:
        """One of a line that was sent."""
        sent = (
            order.fulfillments.filter(status=FulfillmentStatus.FULFILLED, lines__quantity__gt=0)
            .order_by("fulfillment_order")
            .first()
        )
        if sent is None:
            return
        line = sent.lines.filter(quantity__gt=0).order_by("order_line__variant_id").first()
        assert line is not None
        order.fulfillments.create(status=action.status).lines.create(order_line=line.order_line, quantity=1)
        line.quantity -= 1
        if line.quantity:
            line.save()
        else:
            line.delete()
        if not sent.lines.exists():
            sent.delete()
        Order.objects.filter(pk=order.pk).update(status=OrderStatus.PARTIALLY_RETURNED, updated_at=timezone.now())

    def _cancel(self, order: Order, action: Action) -> None:
        if order.can_cancel():
            flows.cancel_order(order)

    def _register(self, action: Action) -> None:
        """The guest opens an account and confirms the address: Saleor attaches the orders without a hook."""
        if User.objects.filter(email=GUEST).exists():
            return
        user = make_customer(GUEST, is_confirmed=True)
        flows.hand_over_orders(user)
        if action.is_told:
            sync_customer(user.pk)

    def call_everything_off(self) -> None:
        """All money goes back, and all goods come back that have not."""
        for order in Order.objects.filter(pk__in=self.orders).exclude(status=OrderStatus.CANCELED):
            if order.total_charged_amount > 0:
                give_back(order, order.total_charged_amount)
            order.fulfillments.filter(status=FulfillmentStatus.FULFILLED).delete()
            rest = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
            for line in order.lines.all():
                gone = line.fulfillment_lines.filter(fulfillment__status__in=RETURNS).aggregate(n=Sum("quantity"))["n"]
                if left := line.quantity - (gone or 0):
                    rest.lines.create(order_line=line, quantity=left)
            Order.objects.filter(pk=order.pk).update(status=OrderStatus.RETURNED, updated_at=timezone.now())


def balances() -> dict[int, int]:
    """Points of each user, less what is owed."""
    rows = LoyaltyAccount.objects.filter(profile__user__isnull=False)
    return {
        user_id: active + pending - deficit
        for user_id, active, pending, deficit in rows.values_list("profile__user_id", "active", "pending", "deficit")
    }


def points_by_order() -> defaultdict[UUID | None, tuple[int, int]]:
    """Points earned, forgiven ones included, and points spent, both net."""
    found: defaultdict[UUID | None, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for order_id, kind, points in PointsTransaction.objects.values_list("order_id", "type", "points"):
        earned, spent = found[order_id]
        is_spending = kind in (TransactionType.REDEEM, TransactionType.REDEEM_REVERSAL)
        found[order_id] = (earned, spent - points) if is_spending else (earned + points, spent)
    del found[None]
    return found
