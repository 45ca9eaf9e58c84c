import graphene
from django.db import models
from django.utils import timezone

from ..channel.models import Channel
from ..core.db import _columns
from ..core.db.fields import MoneyField
from ..permission.enums import DiscountPermissions, OrderPermissions, ProductPermissions
from . import ProductTypeKind
from .managers import ProductManager, ProductVariantManager

ALL_PRODUCTS_PERMISSIONS = [
    ProductPermissions.MANAGE_PRODUCTS,
    OrderPermissions.MANAGE_ORDERS,
    DiscountPermissions.MANAGE_DISCOUNTS,
]


class Category(models.Model):
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True, allow_unicode=True)
    description = models.JSONField(blank=True, null=True)
    parent = models.ForeignKey("self", null=True, blank=True, related_name="children", on_delete=models.CASCADE)
    updated_at = models.DateTimeField(auto_now=True, blank=True, null=True)

    def __str__(self) -> str:
        return self.name


class ProductType(models.Model):
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True, allow_unicode=True)
    kind = models.CharField(max_length=32, choices=ProductTypeKind.CHOICES)
    has_variants = models.BooleanField(default=True)
    is_shipping_required = models.BooleanField(default=True)

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    product_type = models.ForeignKey(ProductType, related_name="products", on_delete=models.CASCADE)
    category = models.ForeignKey(Category, related_name="products", on_delete=models.SET_NULL, null=True, blank=True)
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True, allow_unicode=True)
    description = models.JSONField(blank=True, null=True)
    description_plaintext = models.TextField(blank=True)
    rating = models.FloatField(null=True, blank=True)
    external_reference = _columns.external_reference()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    default_variant = models.OneToOneField(
        "ProductVariant", blank=True, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ProductManager()

    class Meta:
        ordering = ("slug",)
        permissions = ((ProductPermissions.MANAGE_PRODUCTS.codename, "Manage products"),)

    def __str__(self) -> str:
        return self.name


class ProductChannelListing(models.Model):
    product = models.ForeignKey(Product, related_name="channel_listings", on_delete=models.CASCADE)
    channel = models.ForeignKey(Channel, related_name="product_listings", on_delete=models.CASCADE)
    is_published = models.BooleanField(default=False)
    published_at = models.DateTimeField(blank=True, null=True)
    visible_in_listings = models.BooleanField(default=False)
    available_for_purchase_at = models.DateTimeField(blank=True, null=True)
    currency = _columns.currency()
    discounted_price_amount = _columns.amount(blank=True, null=True)
    discounted_price = MoneyField(amount_field="discounted_price_amount", currency_field="currency")

    class Meta:
        unique_together = [["product", "channel"]]
        ordering = ("pk",)
        indexes = [models.Index(fields=["published_at"], name="listing_published_at_idx")]

    @property
    def is_visible(self) -> bool:
        return self.is_published and (self.published_at is None or self.published_at <= timezone.now())

    def is_available_for_purchase(self) -> bool:
        return self.available_for_purchase_at is not None and self.available_for_purchase_at <= timezone.now()


class ProductVariant(models.Model):
    product = models.ForeignKey(Product, related_name="variants", on_delete=models.CASCADE)
    name = models.CharField(max_length=255, blank=True)
    sku = models.CharField(max_length=255, unique=True, null=True, blank=True)
    external_reference = _columns.external_reference()
    track_inventory = models.BooleanField(default=True)
    is_preorder = models.BooleanField(default=False)
    preorder_end_date = models.DateTimeField(null=True, blank=True)
    quantity_limit_per_customer = models.IntegerField(blank=True, null=True)
    sort_order = models.IntegerField(editable=False, db_index=True, null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    objects = ProductVariantManager()

    class Meta:
        ordering = ("sort_order", "sku")

    def __str__(self) -> str:
        return self.name or self.sku or f"ID:{self.pk}"

    def get_global_id(self) -> str:
        return graphene.Node.to_global_id("ProductVariant", self.pk)

    def is_shipping_required(self) -> bool:
        return self.product.product_type.is_shipping_required

    def is_gift_card(self) -> bool:
        return self.product.product_type.kind == ProductTypeKind.GIFT_CARD


class ProductVariantChannelListing(models.Model):
    variant = models.ForeignKey(ProductVariant, related_name="channel_listings", on_delete=models.CASCADE)
    channel = models.ForeignKey(Channel, related_name="variant_listings", on_delete=models.CASCADE)
    currency = _columns.currency()
    price_amount = _columns.amount(blank=True, null=True)
    price = MoneyField(amount_field="price_amount", currency_field="currency")
    cost_price_amount = _columns.amount(blank=True, null=True)
    cost_price = MoneyField(amount_field="cost_price_amount", currency_field="currency")
    discounted_price_amount = _columns.amount(blank=True, null=True)
    discounted_price = MoneyField(amount_field="discounted_price_amount", currency_field="currency")

    class Meta:
        unique_together = [["variant", "channel"]]
        ordering = ("pk",)


class Collection(models.Model):
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True, allow_unicode=True)
    description = models.JSONField(blank=True, null=True)
    products = models.ManyToManyField(Product, blank=True, related_name="collections", through="CollectionProduct")

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.name


class CollectionProduct(models.Model):
    collection = models.ForeignKey(Collection, related_name="collectionproduct", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, related_name="collectionproduct", on_delete=models.CASCADE)
    sort_order = models.IntegerField(editable=False, db_index=True, null=True)

    class Meta:
        unique_together = (("collection", "product"),)
