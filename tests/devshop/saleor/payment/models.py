import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from ..checkout.models import Checkout
from ..core.db import _columns
from ..core.db.fields import MoneyField
from ..permission.enums import PaymentPermissions
from . import ChargeStatus, TransactionAction, TransactionEventType, TransactionKind


class TransactionItem(models.Model):
    """One payment of the newer kind: an app or staff report what was charged, refunded and so on."""

    token = models.UUIDField(unique=True, default=uuid.uuid4)
    use_old_id = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    modified_at = models.DateTimeField(auto_now=True)
    idempotency_key = models.CharField(max_length=512, blank=True, null=True)
    name = models.CharField(max_length=512, blank=True, null=True, default="")
    message = models.CharField(max_length=512, blank=True, null=True, default="")
    psp_reference = models.CharField(max_length=512, blank=True, null=True)
    available_actions = ArrayField(models.CharField(max_length=128, choices=TransactionAction.CHOICES), default=list)
    currency = _columns.currency()
    charged_value = _columns.amount_from_zero()
    amount_charged = MoneyField(amount_field="charged_value", currency_field="currency")
    authorized_value = _columns.amount_from_zero()
    amount_authorized = MoneyField(amount_field="authorized_value", currency_field="currency")
    refunded_value = _columns.amount_from_zero()
    amount_refunded = MoneyField(amount_field="refunded_value", currency_field="currency")
    canceled_value = _columns.amount_from_zero()
    amount_canceled = MoneyField(amount_field="canceled_value", currency_field="currency")
    refund_pending_value = _columns.amount_from_zero()
    charge_pending_value = _columns.amount_from_zero()
    authorize_pending_value = _columns.amount_from_zero()
    cancel_pending_value = _columns.amount_from_zero()
    external_url = models.URLField(blank=True, null=True)
    checkout = models.ForeignKey(Checkout, null=True, related_name="payment_transactions", on_delete=models.SET_NULL)
    order = models.ForeignKey("order.Order", related_name="payment_transactions", null=True, on_delete=models.PROTECT)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, blank=True, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    app = models.ForeignKey("app.App", related_name="+", null=True, blank=True, on_delete=models.SET_NULL)
    app_identifier = models.CharField(blank=True, null=True, max_length=256)
    last_refund_success = models.BooleanField(default=True)

    class Meta:
        ordering = ("pk",)


class TransactionEvent(models.Model):
    created_at = models.DateTimeField(default=timezone.now)
    idempotency_key = models.CharField(max_length=512, blank=True, null=True)
    psp_reference = models.CharField(max_length=512, blank=True, null=True)
    message = models.CharField(max_length=512, blank=True, null=True, default="")
    transaction = models.ForeignKey(TransactionItem, related_name="events", on_delete=models.CASCADE)
    type = models.CharField(max_length=128, choices=TransactionEventType.CHOICES, default=TransactionEventType.INFO)
    currency = _columns.currency()
    amount_value = _columns.amount_from_zero()
    amount = MoneyField(amount_field="amount_value", currency_field="currency")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, blank=True, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    app = models.ForeignKey("app.App", related_name="+", null=True, blank=True, on_delete=models.SET_NULL)
    app_identifier = models.CharField(blank=True, null=True, max_length=256)
    include_in_calculations = models.BooleanField(default=False)
    related_granted_refund = models.ForeignKey(
        "order.OrderGrantedRefund",
        related_name="transaction_events",
        blank=True,
        null=True,
        on_delete=models.SET_NULL,
    )

    class Meta:
        ordering = ("pk",)


class Payment(models.Model):
    """One payment of the older kind, through a gateway plugin or marked by hand."""

    gateway = models.CharField(max_length=255)
    is_active = models.BooleanField(default=True)
    to_confirm = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    modified_at = models.DateTimeField(auto_now=True)
    charge_status = models.CharField(max_length=20, choices=ChargeStatus.CHOICES, default=ChargeStatus.NOT_CHARGED)
    token = models.CharField(max_length=512, blank=True, default="")
    total = _columns.amount_from_zero()
    captured_amount = _columns.amount_from_zero()
    currency = _columns.currency()
    checkout = models.ForeignKey(Checkout, null=True, related_name="payments", on_delete=models.SET_NULL)
    order = models.ForeignKey("order.Order", related_name="payments", null=True, on_delete=models.PROTECT)
    billing_email = models.EmailField(blank=True)
    psp_reference = models.CharField(max_length=512, null=True, blank=True, db_index=True)

    class Meta:
        ordering = ("pk",)
        permissions = ((PaymentPermissions.HANDLE_PAYMENTS.codename, "Handle payments"),)

    def can_refund(self) -> bool:
        return self.charge_status in (
            ChargeStatus.PARTIALLY_CHARGED,
            ChargeStatus.FULLY_CHARGED,
            ChargeStatus.PARTIALLY_REFUNDED,
        )


class Transaction(models.Model):
    """One operation on a `Payment`."""

    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    payment = models.ForeignKey(Payment, related_name="transactions", on_delete=models.PROTECT)
    token = models.CharField(max_length=512, blank=True, default="")
    kind = models.CharField(max_length=25, choices=TransactionKind.CHOICES)
    is_success = models.BooleanField(default=False)
    action_required = models.BooleanField(default=False)
    currency = _columns.currency()
    amount = _columns.amount_from_zero()
    error = models.TextField(null=True)
    customer_id = models.CharField(max_length=256, null=True)
    gateway_response = models.JSONField(encoder=DjangoJSONEncoder)
    already_processed = models.BooleanField(default=False)

    class Meta:
        ordering = ("pk",)
