"""An order in the stand-in lives as in Saleor: the hooks fire as often, in this order, and only after commit."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.discount.models import VoucherCode
from saleor.order.models import Order
from saleor.payment.models import Payment, TransactionItem
from saleor.permission.enums import OrderPermissions, PaymentPermissions
from saleor.product.models import ProductVariant

from tests.devshop import factories, flows
from tests.devshop.client import GraphQLClient

from .storefront import add_code, buy, complete, fill_checkout, global_id, succeed

pytestmark = pytest.mark.django_db(transaction=True)

Heard = list[tuple[str, tuple, dict]]


@pytest.fixture
def variant(product: Any) -> ProductVariant:
    """An apple, for 10."""
    return product.default_variant


@pytest.fixture
def shopper(customer: User) -> GraphQLClient:
    return GraphQLClient(user=customer)


@pytest.fixture
def staff(db: None) -> GraphQLClient:
    return GraphQLClient(
        user=factories.make_staff(permissions=[OrderPermissions.MANAGE_ORDERS, PaymentPermissions.HANDLE_PAYMENTS])
    )


@pytest.fixture
def heard(recorded_hooks: Heard) -> Iterator[Heard]:
    return recorded_hooks


def names(heard: Heard) -> list[str]:
    """The hooks since the last call."""
    fired = [name for name, _arguments, _keywords in heard]
    heard.clear()
    return fired


class TestCheckout:
    def test_becomes_an_order(
        self, shopper: GraphQLClient, channel: Channel, variant: ProductVariant, heard: Heard
    ) -> None:
        checkout = fill_checkout(shopper, channel, [(variant, 2)])
        assert names(heard) == ["checkout_created"]
        order = complete(shopper, checkout)["order"]
        assert names(heard) == ["order_created", "order_confirmed"]
        assert order["total"]["gross"]["amount"] == 20
        assert order["status"] == "UNCONFIRMED"

    def test_takes_a_voucher_that_is_good_once(
        self, shopper: GraphQLClient, channel: Channel, variant: ProductVariant
    ) -> None:
        factories.make_voucher("FIVE", 5, channel, single_use=True, usage_limit=1)
        first, second = (fill_checkout(shopper, channel, [(variant, 2)]) for _ in range(2))
        assert add_code(shopper, first, "FIVE")["checkout"]["totalPrice"]["gross"]["amount"] == 15
        order = complete(shopper, first)["order"]
        assert order["voucherCode"] == "FIVE"
        assert order["total"]["gross"]["amount"] == 15
        code = VoucherCode.objects.get()
        assert not code.is_active
        assert code.used == 1
        assert [error["field"] for error in add_code(shopper, second, "FIVE")["errors"]] == ["promoCode"]

    def test_does_not_complete_with_a_voucher_that_ended(
        self, shopper: GraphQLClient, channel: Channel, variant: ProductVariant
    ) -> None:
        voucher = factories.make_voucher("FIVE", 5, channel).voucher
        checkout = fill_checkout(shopper, channel, [(variant, 2)])
        add_code(shopper, checkout, "FIVE")
        voucher.end_date = timezone.now() - timedelta(days=1)
        voucher.save()
        errors = complete(shopper, checkout)["errors"]
        assert [error["code"] for error in errors] == ["VOUCHER_NOT_APPLICABLE"]
        assert not Order.objects.exists()

    def test_the_code_stays_used_after_a_cancellation(
        self, shopper: GraphQLClient, staff: GraphQLClient, channel: Channel, variant: ProductVariant
    ) -> None:
        factories.make_voucher("FIVE", 5, channel, single_use=True)
        checkout = fill_checkout(shopper, channel, [(variant, 2)])
        add_code(shopper, checkout, "FIVE")
        order = complete(shopper, checkout)["order"]
        succeed(staff, "orderCancel(id: $id)", "order { status }", "$id: ID!", id=order["id"])
        assert not VoucherCode.objects.get().is_active


class TestPaymentByHand:
    @pytest.fixture
    def order(self, shopper: GraphQLClient, channel: Channel, variant: ProductVariant, heard: Heard) -> dict[str, Any]:
        order = buy(shopper, channel, [(variant, 2)])
        heard.clear()
        return order

    def test_paid_fulfilled_returned_refunded(
        self, staff: GraphQLClient, order: dict[str, Any], channel: Channel, heard: Heard
    ) -> None:
        succeed(staff, "orderMarkAsPaid(id: $id)", "order { isPaid }", "$id: ID!", id=order["id"])
        assert names(heard) == ["order_fully_paid", "order_updated"]
        assert Payment.objects.get().captured_amount == 20

        stock = {"quantity": 2, "warehouse": global_id(factories.make_warehouse())}
        fulfilled = succeed(
            staff,
            "orderFulfill(order: $id, input: $input)",
            "fulfillments { lines { id } } order { status }",
            "$id: ID!, $input: OrderFulfillInput!",
            id=order["id"],
            input={"lines": [{"orderLineId": order["lines"][0]["id"], "stocks": [stock]}]},
        )
        assert names(heard) == ["fulfillment_created", "fulfillment_approved", "order_updated", "order_fulfilled"]
        assert fulfilled["order"]["status"] == "FULFILLED"

        line = {"fulfillmentLineId": fulfilled["fulfillments"][0]["lines"][0]["id"], "quantity": 1}
        returned = succeed(
            staff,
            "orderFulfillmentReturnProducts(order: $id, input: $input)",
            "order { status totalRefunded { amount } }",
            "$id: ID!, $input: OrderReturnProductsInput!",
            id=order["id"],
            input={"refund": True, "fulfillmentLines": [line]},
        )
        assert names(heard) == ["order_refunded", "order_updated"]
        assert returned["order"] == {"status": "PARTIALLY_RETURNED", "totalRefunded": {"amount": 10}}

        refunded = succeed(
            staff,
            "orderRefund(id: $id, amount: 10)",
            "order { totalRefunded { amount } totalCharged { amount } }",
            "$id: ID!",
            id=order["id"],
        )
        assert names(heard) == ["order_refunded", "order_updated", "order_fully_refunded"]
        assert refunded["order"] == {"totalRefunded": {"amount": 20}, "totalCharged": {"amount": 0}}

    def test_cancelled(self, staff: GraphQLClient, order: dict[str, Any], heard: Heard) -> None:
        succeed(staff, "orderCancel(id: $id)", "order { status }", "$id: ID!", id=order["id"])
        assert names(heard) == ["order_cancelled", "order_updated"]


class TestTransactions:
    def test_charged_refunded_granted(
        self, shopper: GraphQLClient, staff: GraphQLClient, channel: Channel, variant: ProductVariant, heard: Heard
    ) -> None:
        order = buy(shopper, channel, [(variant, 1)])
        heard.clear()
        created = succeed(
            staff,
            "transactionCreate(id: $id, transaction: $transaction)",
            "transaction { id }",
            "$id: ID!, $transaction: TransactionCreateInput!",
            id=order["id"],
            transaction={"amountCharged": _usd(10), "availableActions": ["REFUND"]},
        )
        assert names(heard) == ["order_paid", "order_fully_paid", "order_updated"]

        transaction_id = created["transaction"]["id"]
        succeed(
            staff,
            "transactionUpdate(id: $id, transaction: $transaction)",
            "transaction { refundedAmount { amount } }",
            "$id: ID!, $transaction: TransactionUpdateInput!",
            id=transaction_id,
            transaction={"amountCharged": _usd(6), "amountRefunded": _usd(4)},
        )
        assert names(heard) == ["order_refunded", "order_updated"]
        item = TransactionItem.objects.get()
        assert (item.charged_value, item.refunded_value) == (Decimal(6), Decimal(4))

        granted = succeed(
            staff,
            "orderGrantRefundCreate(id: $id, input: $input)",
            "order { chargeStatus }",
            "$id: ID!, $input: OrderGrantRefundCreateInput!",
            id=order["id"],
            input={"transactionId": transaction_id, "amount": 4},
        )
        assert names(heard) == []
        assert granted["order"]["chargeStatus"] == "FULL"


def _usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


class TestMoments:
    def test_a_hook_waits_for_the_commit(self, variant: ProductVariant, channel: Channel, heard: Heard) -> None:
        order = factories.make_order(channel=channel, lines=[(variant, 1)], paid=False)
        with transaction.atomic():
            flows.pay_order(order)
            assert names(heard) == []
        assert names(heard) == ["order_fully_paid", "order_updated"]

    def test_nothing_fires_after_a_rollback(self, variant: ProductVariant, channel: Channel, heard: Heard) -> None:
        order = factories.make_order(channel=channel, lines=[(variant, 1)], paid=False)
        with transaction.atomic():
            flows.pay_order(order)
            transaction.set_rollback(True)
        assert names(heard) == []


def expire(order: Order) -> None:
    """As Saleor's periodic task does to what nobody has paid; orders of the stand-in do not expire."""
    tasks = pytest.importorskip("saleor.order.tasks", reason="needs a Saleor whose unpaid orders expire")
    Channel.objects.update(expire_orders_after=1)
    Order.objects.update(created_at=timezone.now() - timedelta(days=2), status="unconfirmed")
    tasks.expire_orders_task()
    order.refresh_from_db()
    assert order.status == "expired"


class TestWhatThePluginListensFor:
    """It has no hooks for `order_paid` and the like, because Saleor calls another beside each."""

    @pytest.mark.parametrize(
        ("paid", "change", "fired"),
        [
            pytest.param(False, flows.pay_order, "order_fully_paid", id="paid by hand"),
            pytest.param(False, lambda order: flows.pay_order(order, 3), "order_paid", id="paid in part"),
            pytest.param(False, lambda order: flows.pay_order(order, 10), "order_fully_paid", id="paid"),
            pytest.param(True, flows.refund_order, "order_fully_refunded", id="refunded"),
            pytest.param(True, flows.fulfill_order, "order_fulfilled", id="fulfilled"),
            pytest.param(False, flows.cancel_order, "order_cancelled", id="cancelled"),
            pytest.param(False, expire, "order_expired", id="expired"),
        ],
    )
    def test_comes_with_every_other_hook_of_orders(
        self,
        variant: ProductVariant,
        channel: Channel,
        heard: Heard,
        paid: bool,
        change: Callable[[Order], object],
        fired: str,
    ) -> None:
        order = factories.make_order(channel=channel, lines=[(variant, 1)], paid=paid)
        heard.clear()
        change(order)
        hooks = names(heard)
        assert fired in hooks
        assert {"order_updated", "order_refunded"}.intersection(hooks)
