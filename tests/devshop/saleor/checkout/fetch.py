from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from prices import Money

from ..account.models import Address, User
from ..channel.models import Channel
from ..core.taxes import zero_money
from ..discount.models import CheckoutDiscount, Voucher, VoucherCode
from ..product.models import (
    Collection,
    Product,
    ProductType,
    ProductVariant,
    ProductVariantChannelListing,
)
from .models import Checkout, CheckoutLine

if TYPE_CHECKING:
    from ..plugins.manager import PluginsManager


@dataclass
class CheckoutLineInfo:
    line: CheckoutLine
    variant: ProductVariant
    product: Product
    product_type: ProductType
    collections: list[Collection]
    channel: Channel
    channel_listing: ProductVariantChannelListing | None
    discounts: list[Any] = field(default_factory=list)
    voucher: Voucher | None = None
    voucher_code: str | None = None

    def get_catalogue_discounts(self) -> list[Money]:
        discount = self.undiscounted_unit_price - self.variant_discounted_price
        return [discount] if discount.amount > 0 else []

    @cached_property
    def undiscounted_unit_price(self) -> Money:
        if self.line.price_override is not None:
            return Money(self.line.price_override, self.line.currency)
        price = self.channel_listing.price if self.channel_listing else None
        return zero_money(self.line.currency) if price is None else price

    @cached_property
    def variant_discounted_price(self) -> Money:
        discounted = self.channel_listing.discounted_price if self.channel_listing else None
        if self.line.price_override is not None or discounted is None:
            return self.undiscounted_unit_price
        return discounted


@dataclass
class CheckoutInfo:
    manager: "PluginsManager" = field(compare=False)
    checkout: Checkout
    user: User | None
    channel: Channel
    billing_address: Address | None
    shipping_address: Address | None
    lines: list[CheckoutLineInfo]
    discounts: list[CheckoutDiscount] = field(default_factory=list)
    voucher: Voucher | None = None
    voucher_code: VoucherCode | None = None
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME

    def get_customer_email(self) -> str | None:
        return self.checkout.email or (self.user.email if self.user else None)


def fetch_checkout_lines(
    checkout: Checkout,
    prefetch_variant_attributes: bool = False,
    skip_lines_with_unavailable_variants: bool = True,
    skip_recalculation: bool = False,
    voucher: Voucher | None = None,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
) -> tuple[list[CheckoutLineInfo], list[int]]:
    """Return the lines with all that their price depends on, and the ids of variants that are not for sale now."""
    rows = checkout.lines.select_related("variant__product__product_type").prefetch_related(
        "variant__channel_listings",
        "variant__product__channel_listings",
        "variant__product__collections",
    )
    lines = []
    unavailable = []
    for row in rows:
        listing = get_variant_channel_listing(row.variant, checkout.channel_id)
        product = row.variant.product
        if not skip_recalculation and not _is_variant_valid(checkout, product, listing):
            unavailable.append(row.variant_id)
        lines.append(
            CheckoutLineInfo(
                line=row,
                variant=row.variant,
                product=product,
                product_type=product.product_type,
                collections=list(product.collections.all()),
                channel=checkout.channel,
                channel_listing=listing,
            )
        )
    return lines, unavailable


def get_variant_channel_listing(variant: ProductVariant, channel_id: int) -> ProductVariantChannelListing | None:
    for listing in variant.channel_listings.all():
        if listing.channel_id == channel_id:
            return listing
    return None


def _is_variant_valid(checkout: Checkout, product: Product, listing: ProductVariantChannelListing | None) -> bool:
    if listing is None or listing.price is None:
        return False
    return any(
        product_listing.is_visible and product_listing.is_available_for_purchase()
        for product_listing in product.channel_listings.all()
        if product_listing.channel_id == checkout.channel_id
    )


def fetch_checkout_info(
    checkout: Checkout,
    lines: list[CheckoutLineInfo],
    manager: "PluginsManager",
    shipping_channel_listings: Any = None,
    voucher: Voucher | None = None,
    voucher_code: VoucherCode | None = None,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
) -> CheckoutInfo:
    from .utils import get_voucher_for_checkout

    if not voucher or not voucher_code:
        voucher, voucher_code = get_voucher_for_checkout(
            checkout, checkout.channel.slug, database_connection_name=database_connection_name
        )
    return CheckoutInfo(
        manager=manager,
        checkout=checkout,
        user=checkout.user,
        channel=checkout.channel,
        billing_address=checkout.billing_address,
        shipping_address=checkout.shipping_address,
        lines=lines,
        discounts=list(checkout.discounts.all()),
        voucher=voucher,
        voucher_code=voucher_code,
        database_connection_name=database_connection_name,
    )
