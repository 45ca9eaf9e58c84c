import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from prices import Money

from ..channel.models import Channel
from ..core.db import _columns
from ..core.db.fields import MoneyField
from ..core.prices import quantize_price
from ..permission.enums import DiscountPermissions
from . import DiscountType, DiscountValueType, PromotionType, RewardType, RewardValueType, VoucherType


class NotApplicable(ValueError):
    """The voucher exists, but this checkout does not meet its conditions."""

    def __init__(
        self, msg: str, min_spent: Money | None = None, min_checkout_items_quantity: int | None = None
    ) -> None:
        super().__init__(msg)
        self.min_spent = min_spent
        self.min_checkout_items_quantity = min_checkout_items_quantity


class VoucherQueryset(models.QuerySet["Voucher"]):
    def active(self, date: datetime, validate_usage_limit: bool = True) -> "VoucherQueryset":
        started = self.filter(Q(end_date__isnull=True) | Q(end_date__gte=date), start_date__lte=date)
        if not validate_usage_limit:
            return started
        codes = VoucherCode.objects.filter(voucher_id=OuterRef("pk")).order_by().values("voucher_id")
        used = Subquery(codes.annotate(total=Sum("used")).values("total"))
        return started.filter(Q(usage_limit__isnull=True) | Q(usage_limit__gt=Coalesce(used, 0)))

    def active_in_channel(
        self, date: datetime, channel_slug: str, validate_usage_limit: bool = True
    ) -> "VoucherQueryset":
        listings = VoucherChannelListing.objects.filter(
            voucher_id=OuterRef("pk"), channel__slug=channel_slug, channel__is_active=True
        )
        return self.active(date, validate_usage_limit).filter(Exists(listings))


VoucherManager = models.Manager.from_queryset(VoucherQueryset)


class Voucher(models.Model):
    type = models.CharField(max_length=20, choices=VoucherType.CHOICES, default=VoucherType.ENTIRE_ORDER)
    name = models.CharField(max_length=255, null=True, blank=True)
    usage_limit = models.PositiveIntegerField(null=True, blank=True)
    start_date = models.DateTimeField(default=timezone.now)
    end_date = models.DateTimeField(null=True, blank=True)
    apply_once_per_order = models.BooleanField(default=False)
    apply_once_per_customer = models.BooleanField(default=False)
    single_use = models.BooleanField(default=False)
    only_for_staff = models.BooleanField(default=False)
    discount_value_type = models.CharField(
        max_length=10, choices=DiscountValueType.CHOICES, default=DiscountValueType.FIXED
    )
    countries = models.CharField(max_length=752, blank=True)
    min_checkout_items_quantity = models.PositiveIntegerField(null=True, blank=True)
    products = models.ManyToManyField("product.Product", blank=True)
    variants = models.ManyToManyField("product.ProductVariant", blank=True)
    collections = models.ManyToManyField("product.Collection", blank=True)
    categories = models.ManyToManyField("product.Category", blank=True)

    objects = VoucherManager()

    class Meta:
        ordering = ("name", "pk")
        permissions = ((DiscountPermissions.MANAGE_DISCOUNTS.codename, "Manage discounts"),)

    @property
    def code(self) -> str | None:
        last = self.codes.last()
        return last.code if last else None

    @property
    def promo_codes(self) -> list[str]:
        return list(self.codes.values_list("code", flat=True))

    def get_discount_amount_for(self, price: Money, channel: Channel) -> Money:
        """How much the voucher takes off, never more than the price."""
        listing = self._listing(channel)
        if self.discount_value_type == DiscountValueType.PERCENTAGE:
            discount = quantize_price(price * (listing.discount_value / 100), price.currency)
        else:
            discount = Money(listing.discount_value, listing.currency)
        return min(discount, price)

    def validate_min_spent(self, value: Money, channel: Channel) -> None:
        min_spent = self._listing(channel).min_spent
        if min_spent and value < min_spent:
            raise NotApplicable(f"The order must reach {min_spent.amount} first.", min_spent=min_spent)

    def validate_min_checkout_items_quantity(self, quantity: int) -> None:
        needed = self.min_checkout_items_quantity
        if needed and needed > quantity:
            raise NotApplicable(f"At least {needed} items are needed.", min_checkout_items_quantity=needed)

    def validate_once_per_customer(self, customer_email: str) -> None:
        if VoucherCustomer.objects.filter(voucher_code__voucher=self, customer_email=customer_email).exists():
            raise NotApplicable("This customer has used the voucher before.")

    def validate_only_for_staff(self, customer: Any) -> None:
        if self.only_for_staff and not (customer and customer.is_staff):
            raise NotApplicable("The voucher is for staff.")

    def _listing(self, channel: Channel) -> "VoucherChannelListing":
        for listing in self.channel_listings.all():
            if listing.channel_id == channel.pk:
                return listing
        raise NotApplicable("The voucher is not for this channel.")


class VoucherCode(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    code = models.CharField(max_length=255, unique=True, db_index=True)
    used = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    voucher = models.ForeignKey(Voucher, related_name="codes", on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "code")

    def __str__(self) -> str:
        return self.code


class VoucherChannelListing(models.Model):
    voucher = models.ForeignKey(Voucher, related_name="channel_listings", on_delete=models.CASCADE)
    channel = models.ForeignKey(Channel, related_name="voucher_listings", on_delete=models.CASCADE)
    discount_value = _columns.amount()
    discount = MoneyField(amount_field="discount_value", currency_field="currency")
    currency = _columns.currency()
    min_spent_amount = _columns.amount(blank=True, null=True)
    min_spent = MoneyField(amount_field="min_spent_amount", currency_field="currency")

    class Meta:
        unique_together = (("voucher", "channel"),)
        ordering = ("pk",)


class VoucherCustomer(models.Model):
    voucher_code = models.ForeignKey(VoucherCode, related_name="customers", on_delete=models.CASCADE)
    customer_email = models.EmailField()

    class Meta:
        ordering = ("voucher_code", "customer_email", "pk")
        unique_together = (("voucher_code", "customer_email"),)


class PromotionQueryset(models.QuerySet["Promotion"]):
    def active(self, date: datetime | None = None) -> "PromotionQueryset":
        date = date or timezone.now()
        return self.filter(Q(end_date__isnull=True) | Q(end_date__gte=date), start_date__lte=date)


PromotionManager = models.Manager.from_queryset(PromotionQueryset)


class Promotion(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=255, choices=PromotionType.CHOICES, default=PromotionType.CATALOGUE)
    start_date = models.DateTimeField(default=timezone.now)
    end_date = models.DateTimeField(null=True, blank=True)

    objects = PromotionManager()

    class Meta:
        ordering = ("name", "pk")


class PromotionRule(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    name = models.CharField(max_length=255, blank=True, null=True)
    promotion = models.ForeignKey(Promotion, related_name="rules", on_delete=models.CASCADE)
    channels = models.ManyToManyField(Channel)
    order_predicate = models.JSONField(blank=True, default=dict)
    reward_type = models.CharField(max_length=255, choices=RewardType.CHOICES, blank=True, null=True)
    reward_value_type = models.CharField(max_length=255, choices=RewardValueType.CHOICES, blank=True, null=True)
    reward_value = _columns.amount(blank=True, null=True)

    class Meta:
        ordering = ("name", "pk")


class BaseDiscount(models.Model):
    id = models.UUIDField(primary_key=True, editable=False, unique=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    type = models.CharField(max_length=64, choices=DiscountType.CHOICES, default=DiscountType.MANUAL)
    value_type = models.CharField(max_length=10, choices=DiscountValueType.CHOICES, default=DiscountValueType.FIXED)
    value = _columns.amount_from_zero()
    amount_value = _columns.amount_from_zero()
    amount = MoneyField(amount_field="amount_value", currency_field="currency")
    currency = _columns.currency()
    name = models.CharField(max_length=255, null=True, blank=True)
    reason = models.TextField(blank=True, null=True)
    voucher = models.ForeignKey(Voucher, related_name="+", blank=True, null=True, on_delete=models.SET_NULL)
    voucher_code = models.CharField(max_length=255, null=True, blank=True)

    class Meta:
        abstract = True


class OrderDiscount(BaseDiscount):
    order = models.ForeignKey("order.Order", related_name="discounts", blank=True, null=True, on_delete=models.CASCADE)

    class Meta:
        ordering = ("created_at", "id")


class CheckoutDiscount(BaseDiscount):
    checkout = models.ForeignKey(
        "checkout.Checkout", related_name="discounts", blank=True, null=True, on_delete=models.CASCADE
    )
    promotion_rule = models.ForeignKey(
        PromotionRule, related_name="+", blank=True, null=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ("created_at", "id")
