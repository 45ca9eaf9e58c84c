import uuid
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models
from django.db.models import Max
from django.utils import timezone

from ..channel.models import Channel
from ..core.db import _columns
from ..core.db.fields import MoneyField, TaxedMoneyField
from ..discount import DiscountValueType
from ..discount.models import Voucher
from ..giftcard.models import GiftCard
from ..payment.models import Payment
from ..permission.enums import OrderPermissions
from . import (
    FulfillmentStatus,
    OrderAuthorizeStatus,
    OrderChargeStatus,
    OrderGrantedRefundStatus,
    OrderOrigin,
    OrderStatus,
)


class OrderQueryset(models.QuerySet["Order"]):
    def get_by_checkout_token(self, token: Any) -> "Order | None":
        return self.non_draft().filter(checkout_token=token).first()

    def confirmed(self) -> "OrderQueryset":
        return self.exclude(status__in=[OrderStatus.DRAFT, OrderStatus.UNCONFIRMED])

    def non_draft(self) -> "OrderQueryset":
        return self.exclude(status=OrderStatus.DRAFT)


OrderManager = models.Manager.from_queryset(OrderQueryset)


def get_order_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('order_order_number_seq')")
        return cursor.fetchone()[0]


class Order(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    number = models.IntegerField(unique=True, default=get_order_number, editable=False)
    external_reference = _columns.external_reference()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False, db_index=True)
    expired_at = models.DateTimeField(blank=True, null=True)
    status = models.CharField(max_length=32, default=OrderStatus.UNFULFILLED, choices=OrderStatus.CHOICES)
    authorize_status = models.CharField(
        max_length=32, default=OrderAuthorizeStatus.NONE, choices=OrderAuthorizeStatus.CHOICES, db_index=True
    )
    charge_status = models.CharField(
        max_length=32, default=OrderChargeStatus.NONE, choices=OrderChargeStatus.CHOICES, db_index=True
    )
    user = models.ForeignKey("account.User", blank=True, null=True, related_name="orders", on_delete=models.SET_NULL)
    user_email = models.EmailField(blank=True, default="")
    channel = models.ForeignKey(Channel, related_name="orders", on_delete=models.PROTECT)
    origin = models.CharField(max_length=32, choices=OrderOrigin.CHOICES)
    original = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    checkout_token = models.CharField(max_length=36, blank=True)
    language_code = _columns.language()
    tracking_client_id = models.CharField(max_length=36, blank=True, editable=False)
    customer_note = models.TextField(blank=True, default="")
    billing_address = models.ForeignKey(
        "account.Address", related_name="+", editable=False, null=True, on_delete=models.SET_NULL
    )
    shipping_address = models.ForeignKey(
        "account.Address", related_name="+", editable=False, null=True, on_delete=models.SET_NULL
    )
    shipping_method_name = models.CharField(max_length=255, null=True, default=None, blank=True, editable=False)
    currency = _columns.currency()

    total_net_amount = _columns.amount_from_zero()
    total_net = MoneyField(amount_field="total_net_amount", currency_field="currency")
    total_gross_amount = _columns.amount_from_zero()
    total_gross = MoneyField(amount_field="total_gross_amount", currency_field="currency")
    total = TaxedMoneyField(net_amount_field="total_net_amount", gross_amount_field="total_gross_amount")
    undiscounted_total_net_amount = _columns.amount_from_zero()
    undiscounted_total_gross_amount = _columns.amount_from_zero()
    undiscounted_total = TaxedMoneyField(
        net_amount_field="undiscounted_total_net_amount",
        gross_amount_field="undiscounted_total_gross_amount",
    )
    subtotal_net_amount = _columns.amount_from_zero()
    subtotal_gross_amount = _columns.amount_from_zero()
    subtotal = TaxedMoneyField(net_amount_field="subtotal_net_amount", gross_amount_field="subtotal_gross_amount")
    shipping_price_net_amount = _columns.amount_from_zero()
    shipping_price_gross_amount = _columns.amount_from_zero()
    shipping_price = TaxedMoneyField(
        net_amount_field="shipping_price_net_amount", gross_amount_field="shipping_price_gross_amount"
    )
    base_shipping_price_amount = _columns.amount_from_zero()
    shipping_tax_rate = _columns.rate(blank=True, null=True)
    total_charged_amount = _columns.amount_from_zero()
    total_charged = MoneyField(amount_field="total_charged_amount", currency_field="currency")
    total_authorized_amount = _columns.amount_from_zero()
    total_authorized = MoneyField(amount_field="total_authorized_amount", currency_field="currency")

    voucher = models.ForeignKey(Voucher, blank=True, null=True, related_name="+", on_delete=models.SET_NULL)
    voucher_code = models.CharField(max_length=255, null=True, blank=True)
    gift_cards = models.ManyToManyField(GiftCard, blank=True, related_name="orders")
    metadata = models.JSONField(default=dict, blank=True)
    private_metadata = models.JSONField(default=dict, blank=True)

    objects = OrderManager()

    class Meta:
        ordering = ("-number",)
        permissions = (
            (OrderPermissions.MANAGE_ORDERS.codename, "Manage orders"),
            (OrderPermissions.MANAGE_ORDERS_IMPORT.codename, "Manage the import of orders"),
        )
        indexes = [
            models.Index(fields=["created_at"], name="idx_order_created_at"),
            models.Index(fields=["status"], name="order_status_idx"),
            models.Index(fields=["checkout_token"], name="checkout_token_btree_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def get_customer_email(self) -> str | None:
        return self.user_email or (self.user.email if self.user else None)

    def is_fully_paid(self) -> bool:
        return self.total_charged >= self.total.gross

    def get_last_payment(self) -> Payment | None:
        return max(self.payments.all(), default=None, key=lambda payment: payment.pk)

    def can_cancel(self) -> bool:
        open_fulfillments = self.fulfillments.filter(
            status__in=[FulfillmentStatus.FULFILLED, FulfillmentStatus.WAITING_FOR_APPROVAL]
        )
        closed = {OrderStatus.CANCELED, OrderStatus.DRAFT, OrderStatus.EXPIRED}
        return self.status not in closed and not open_fulfillments.exists()

    def can_refund(self, payment: Payment | None = None) -> bool:
        payment = payment or self.get_last_payment()
        return payment is not None and payment.can_refund()


class OrderLine(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE, editable=False)
    variant = models.ForeignKey(
        "product.ProductVariant",
        related_name="order_lines",
        on_delete=models.SET_NULL,
        blank=True,
        null=True,
    )
    product_name = models.CharField(max_length=386)
    variant_name = models.CharField(max_length=255, default="", blank=True)
    product_sku = models.CharField(max_length=255, null=True, blank=True)
    product_variant_id = models.CharField(max_length=255, null=True, blank=True)
    is_shipping_required = models.BooleanField()
    is_gift_card = models.BooleanField()
    is_gift = models.BooleanField(default=False)
    quantity = models.IntegerField()
    quantity_fulfilled = models.IntegerField(default=0)
    currency = _columns.currency()
    tax_rate = _columns.rate(blank=True, null=True)
    voucher_code = models.CharField(max_length=255, null=True, blank=True)
    sale_id = models.CharField(max_length=255, null=True, blank=True)

    unit_price_net_amount = _columns.amount()
    unit_price_gross_amount = _columns.amount()
    unit_price = TaxedMoneyField(net_amount_field="unit_price_net_amount", gross_amount_field="unit_price_gross_amount")
    total_price_net_amount = _columns.amount()
    total_price_gross_amount = _columns.amount()
    total_price = TaxedMoneyField(
        net_amount_field="total_price_net_amount", gross_amount_field="total_price_gross_amount"
    )
    undiscounted_unit_price_net_amount = _columns.amount_from_zero()
    undiscounted_unit_price_gross_amount = _columns.amount_from_zero()
    undiscounted_unit_price = TaxedMoneyField(
        net_amount_field="undiscounted_unit_price_net_amount",
        gross_amount_field="undiscounted_unit_price_gross_amount",
    )
    undiscounted_total_price_net_amount = _columns.amount_from_zero()
    undiscounted_total_price_gross_amount = _columns.amount_from_zero()
    undiscounted_total_price = TaxedMoneyField(
        net_amount_field="undiscounted_total_price_net_amount",
        gross_amount_field="undiscounted_total_price_gross_amount",
    )
    base_unit_price_amount = _columns.amount_from_zero()
    undiscounted_base_unit_price_amount = _columns.amount_from_zero()
    unit_discount_amount = _columns.amount_from_zero()
    unit_discount_value = _columns.amount_from_zero()
    unit_discount_type = models.CharField(max_length=10, choices=DiscountValueType.CHOICES, null=True, blank=True)
    unit_discount_reason = models.TextField(blank=True, null=True)

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return f"{self.product_name} ({self.variant_name})" if self.variant_name else self.product_name

    @property
    def quantity_unfulfilled(self) -> int:
        return self.quantity - self.quantity_fulfilled


class Fulfillment(models.Model):
    fulfillment_order = models.PositiveIntegerField(editable=False)
    order = models.ForeignKey(Order, related_name="fulfillments", editable=False, on_delete=models.CASCADE)
    status = models.CharField(max_length=32, default=FulfillmentStatus.FULFILLED, choices=FulfillmentStatus.CHOICES)
    tracking_number = models.CharField(max_length=255, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    shipping_refund_amount = _columns.amount(null=True, blank=True)
    total_refund_amount = _columns.amount(null=True, blank=True)

    class Meta:
        ordering = ("pk",)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.pk:
            last = self.order.fulfillments.aggregate(last=Max("fulfillment_order"))["last"]
            self.fulfillment_order = (last or 0) + 1
        super().save(*args, **kwargs)


class FulfillmentLine(models.Model):
    fulfillment = models.ForeignKey(Fulfillment, related_name="lines", on_delete=models.CASCADE)
    order_line = models.ForeignKey(OrderLine, related_name="fulfillment_lines", on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField()
    stock = models.ForeignKey(
        "warehouse.Stock",
        related_name="fulfillment_lines",
        on_delete=models.SET_NULL,
        blank=True,
        null=True,
    )


class OrderEvent(models.Model):
    """What happened to an order, and when."""

    date = models.DateTimeField(default=timezone.now, editable=False)
    type = models.CharField(max_length=255)
    order = models.ForeignKey(Order, related_name="events", on_delete=models.CASCADE)
    parameters = models.JSONField(blank=True, default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ("date",)


class OrderGrantedRefund(models.Model):
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False, db_index=True)
    amount_value = _columns.amount_from_zero()
    amount = MoneyField(amount_field="amount_value", currency_field="currency")
    currency = _columns.currency()
    reason = models.TextField(blank=True, default="")
    order = models.ForeignKey(Order, related_name="granted_refunds", on_delete=models.CASCADE)
    user = models.ForeignKey("account.User", blank=True, null=True, on_delete=models.SET_NULL, related_name="+")
    app = models.ForeignKey("app.App", blank=True, null=True, on_delete=models.SET_NULL, related_name="+")
    shipping_costs_included = models.BooleanField(default=False)
    transaction_item = models.ForeignKey(
        "payment.TransactionItem",
        related_name="granted_refund",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
    )
    status = models.CharField(
        max_length=128, choices=OrderGrantedRefundStatus.CHOICES, default=OrderGrantedRefundStatus.NONE
    )

    class Meta:
        ordering = ("created_at", "id")


class OrderGrantedRefundLine(models.Model):
    order_line = models.ForeignKey(OrderLine, related_name="granted_refund_lines", on_delete=models.CASCADE)
    granted_refund = models.ForeignKey(OrderGrantedRefund, related_name="lines", on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField()
    reason = models.TextField(blank=True, null=True, default="")
