import uuid

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ..channel.models import Channel
from ..core.db import _columns
from ..core.db.connection import allow_writer
from ..core.db.fields import MoneyField, TaxedMoneyField
from ..giftcard.models import GiftCard
from ..permission.enums import CheckoutPermissions
from ..product.models import ProductVariant
from . import CheckoutAuthorizeStatus, CheckoutChargeStatus


class Checkout(models.Model):
    token = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_change = models.DateTimeField(auto_now=True, db_index=True)
    completing_started_at = models.DateTimeField(blank=True, null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, blank=True, null=True, related_name="checkouts", on_delete=models.CASCADE
    )
    email = models.EmailField(blank=True, null=True)
    channel = models.ForeignKey(Channel, related_name="checkouts", on_delete=models.PROTECT)
    billing_address = models.ForeignKey(
        "account.Address", related_name="+", editable=False, null=True, on_delete=models.SET_NULL
    )
    shipping_address = models.ForeignKey(
        "account.Address", related_name="+", editable=False, null=True, on_delete=models.SET_NULL
    )
    shipping_method_name = models.CharField(max_length=255, null=True, default=None, blank=True, editable=False)
    note = models.TextField(blank=True, default="")
    currency = _columns.currency()
    country = models.CharField(max_length=2, default="US")
    language_code = _columns.language()

    total_net_amount = _columns.amount_from_zero()
    total_gross_amount = _columns.amount_from_zero()
    total = TaxedMoneyField(net_amount_field="total_net_amount", gross_amount_field="total_gross_amount")
    base_total_amount = _columns.amount_from_zero()
    base_total = MoneyField(amount_field="base_total_amount", currency_field="currency")
    subtotal_net_amount = _columns.amount_from_zero()
    subtotal_gross_amount = _columns.amount_from_zero()
    subtotal = TaxedMoneyField(net_amount_field="subtotal_net_amount", gross_amount_field="subtotal_gross_amount")
    base_subtotal_amount = _columns.amount_from_zero()
    base_subtotal = MoneyField(amount_field="base_subtotal_amount", currency_field="currency")
    shipping_price_net_amount = _columns.amount_from_zero()
    shipping_price_gross_amount = _columns.amount_from_zero()
    shipping_price = TaxedMoneyField(
        net_amount_field="shipping_price_net_amount", gross_amount_field="shipping_price_gross_amount"
    )
    shipping_tax_rate = _columns.rate(default=0)
    authorize_status = models.CharField(
        max_length=32,
        default=CheckoutAuthorizeStatus.NONE,
        choices=CheckoutAuthorizeStatus.CHOICES,
        db_index=True,
    )
    charge_status = models.CharField(
        max_length=32, default=CheckoutChargeStatus.NONE, choices=CheckoutChargeStatus.CHOICES, db_index=True
    )
    price_expiration = models.DateTimeField(default=timezone.now)
    discount_expiration = models.DateTimeField(default=timezone.now)

    voucher_code = models.CharField(max_length=255, blank=True, null=True)
    is_voucher_usage_increased = models.BooleanField(default=False)
    discount_amount = _columns.amount_from_zero()
    discount = MoneyField(amount_field="discount_amount", currency_field="currency")
    discount_name = models.CharField(max_length=255, blank=True, null=True)
    translated_discount_name = models.CharField(max_length=255, blank=True, null=True)
    gift_cards = models.ManyToManyField(GiftCard, blank=True, related_name="checkouts")
    redirect_url = models.URLField(blank=True, null=True)

    class Meta:
        ordering = ("-last_change", "pk")
        permissions = (
            (CheckoutPermissions.MANAGE_CHECKOUTS.codename, "Manage checkouts"),
            (CheckoutPermissions.HANDLE_CHECKOUTS.codename, "Handle checkouts"),
            (CheckoutPermissions.HANDLE_TAXES.codename, "Handle taxes"),
            (CheckoutPermissions.MANAGE_TAXES.codename, "Manage taxes"),
        )

    def get_customer_email(self) -> str | None:
        return self.email or (self.user.email if self.user else None)

    def is_checkout_locked(self) -> bool:
        """A payment is under way that will complete it."""
        started = self.completing_started_at
        return bool(started and (timezone.now() - started).seconds < settings.CHECKOUT_COMPLETION_LOCK_TIME)

    def safe_update(self, update_fields: list[str]) -> None:
        """Save the fields, and say so plainly when another request has completed the checkout meanwhile."""
        with allow_writer(), transaction.atomic():
            if not Checkout.objects.select_for_update().filter(pk=self.pk).only("pk").first():
                raise Checkout.DoesNotExist("The checkout is gone.")
            self.save(update_fields=update_fields)


class CheckoutLine(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    checkout = models.ForeignKey(Checkout, related_name="lines", on_delete=models.CASCADE)
    variant = models.ForeignKey(ProductVariant, related_name="+", on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField()
    is_gift = models.BooleanField(default=False)
    currency = _columns.currency()
    price_override = _columns.amount(blank=True, null=True)
    undiscounted_unit_price_amount = _columns.amount_from_zero()
    undiscounted_unit_price = MoneyField(amount_field="undiscounted_unit_price_amount", currency_field="currency")
    total_price_net_amount = _columns.amount_from_zero()
    total_price_gross_amount = _columns.amount_from_zero()
    total_price = TaxedMoneyField(
        net_amount_field="total_price_net_amount", gross_amount_field="total_price_gross_amount"
    )
    tax_rate = _columns.rate(default=0)

    class Meta:
        ordering = ("created_at", "id")
