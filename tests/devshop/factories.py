"""Plain functions that put things into the shop, for tests and for the demo.

`make_*` only write rows. What `flows` offers goes the way the shop goes, so the hooks of active plugins fire. All of it
is meant to work on a real Saleor too: fields that a version does not have are left out.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone
from django.utils.text import slugify
from prices import Money, TaxedMoney
from saleor.account.models import Address, Group, User
from saleor.app.models import App, AppToken
from saleor.attribute.models import AssignedProductAttributeValue, Attribute, AttributeValue
from saleor.channel.models import Channel
from saleor.discount import DiscountType, DiscountValueType, PromotionType, RewardType, RewardValueType, VoucherType
from saleor.discount.models import Promotion, PromotionRule, Voucher, VoucherChannelListing, VoucherCode
from saleor.order import FulfillmentStatus, OrderEvents, OrderOrigin, OrderStatus
from saleor.order.models import Fulfillment, Order, OrderEvent, OrderLine
from saleor.order.utils import update_order_authorize_data, update_order_charge_data, update_order_status
from saleor.payment import ChargeStatus, CustomPaymentChoices, TransactionKind
from saleor.payment.models import Payment, Transaction
from saleor.permission.enums import BasePermissionEnum, get_permissions
from saleor.product import ProductTypeKind
from saleor.product.models import (
    Category,
    Product,
    ProductChannelListing,
    ProductType,
    ProductVariant,
    ProductVariantChannelListing,
)
from saleor.warehouse.models import Stock, Warehouse

from .flows import (
    Amount,
    announce_order,
    cancel_order,
    delete_customer,
    fulfill_order,
    pay_order,
    refund_order,
)

__all__ = [
    "announce_order",
    "cancel_order",
    "delete_customer",
    "fulfill_order",
    "pay_order",
    "refund_order",
]

Line = tuple[ProductVariant | Product, int] | tuple[ProductVariant | Product, int, Amount]
_numbers = itertools.count(1)


def make_site() -> None:
    """Saleor makes its settings in a migration, and a test with real transactions empties all tables when it ends.

    As in the stand-in, who confirms an account gets the orders bought before.
    """
    if apps.is_installed("saleor.site"):
        sites = apps.get_model("sites", "Site").objects
        # In the process that made the database, what a migration asked for is still there, of that migration's class.
        sites.clear_cache()
        current = sites.get_current()
        apps.get_model("site", "SiteSettings").objects.update_or_create(
            site=current, defaults={"account_confirm_merge_mode": "require_password"}
        )
    if "customertype" in apps.all_models["account"]:
        apps.get_model("account", "CustomerType").objects.get_or_create(
            is_default=True, defaults={"name": "Customer", "slug": "customer"}
        )


def make_channel(slug: str = "default-channel", currency: str = "USD", **fields: Any) -> Channel:
    """A channel that takes orders before they are paid, so that a test decides when money comes in."""
    make_site()
    channel, created = Channel.objects.get_or_create(
        slug=slug,
        defaults={
            "name": slug.replace("-", " ").capitalize(),
            "currency_code": currency,
            "default_country": "US",
            "is_active": True,
            "allow_unpaid_orders": True,
            **fields,
        },
    )
    if created and apps.is_installed("saleor.tax"):
        tax_configuration = apps.get_model("tax", "TaxConfiguration")
        tax_configuration.objects.create(channel=channel, charge_taxes=False)
    return channel


def make_address(**fields: Any) -> Address:
    return Address.objects.create(
        **{
            "first_name": "Ada",
            "last_name": "Buyer",
            "street_address_1": "1 Main Street",
            "city": "Springfield",
            "postal_code": "97477",
            "country": "US",
            "country_area": "OR",
            **fields,
        }
    )


def make_customer(email: str | None = None, password: str = "password", **fields: Any) -> User:
    return _make_user(email or f"customer{next(_numbers)}@example.com", password, **fields)


def make_staff(
    email: str | None = None, permissions: Iterable[BasePermissionEnum] = (), password: str = "password"
) -> User:
    user = _make_user(email or f"staff{next(_numbers)}@example.com", password, is_staff=True)
    user.user_permissions.set(get_permissions([permission.value for permission in permissions]))
    # Staff without a group have no channel, and may not touch an order of any.
    group, _created = Group.objects.get_or_create(name="All channels", restricted_access_to_channels=False)
    user.groups.add(group)
    return user


def make_superuser(email: str = "admin@example.com", password: str = "admin") -> User:
    return _make_user(email, password, is_staff=True, is_superuser=True)


def _make_user(email: str, password: str, **fields: Any) -> User:
    """`User.objects.create_user` is no more from 3.23 on."""
    make_site()
    user = User(email=email, **fields)
    user.set_password(password)
    user.save()
    return user


def make_app(name: str = "App", permissions: Iterable[BasePermissionEnum] = ()) -> tuple[App, str]:
    """Return the app and its token."""
    app = App.objects.create(name=name)
    app.permissions.set(get_permissions([permission.value for permission in permissions]))
    _row, token = AppToken.objects.create(app=app)
    return app, token


def make_category(name: str = "Category", parent: Category | None = None) -> Category:
    return Category.objects.create(name=name, slug=_slug(name), parent=parent)


def make_attribute_value(name: str = "Red", attribute: str = "Color") -> AttributeValue:
    """A value of an attribute that products choose from a list."""
    attribute_row, _created = Attribute.objects.get_or_create(
        slug=slugify(attribute),
        defaults={"name": attribute, **_known(Attribute, type="product-type", input_type="dropdown")},
    )
    value, _created = AttributeValue.objects.get_or_create(
        attribute=attribute_row, slug=slugify(name), defaults={"name": name}
    )
    return value


def assign_attribute(value: AttributeValue, *products: Product) -> None:
    for product in products:
        AssignedProductAttributeValue.objects.create(value=value, product=product)


def make_product(
    name: str | None = None,
    price: Amount = 10,
    channel: Channel | Sequence[Channel] | None = None,
    category: Category | None = None,
    *,
    published: bool = True,
    shipping: bool = False,
    stock: int | None = 100,
    description: str = "",
    **fields: Any,
) -> Product:
    """A product with one variant, for sale in the channels. `product.default_variant` is the variant."""
    name = name or f"Product {next(_numbers)}"
    product_type, _created = ProductType.objects.get_or_create(
        slug="shipped" if shipping else "simple",
        defaults={
            "name": "Shipped" if shipping else "Simple",
            "kind": ProductTypeKind.NORMAL,
            "has_variants": False,
            "is_shipping_required": shipping,
        },
    )
    product = Product.objects.create(
        name=name,
        slug=fields.pop("slug", None) or _slug(name),
        product_type=product_type,
        category=category,
        description_plaintext=description,
        **fields,
    )
    variant = add_variant(product, price, channel, stock=stock)
    product.default_variant = variant
    product.save(update_fields=["default_variant"])
    for one in _channels(channel):
        ProductChannelListing.objects.create(
            product=product,
            channel=one,
            currency=one.currency_code,
            is_published=published,
            published_at=timezone.now(),
            visible_in_listings=True,
            available_for_purchase_at=timezone.now(),
            discounted_price_amount=Decimal(price),
        )
    return product


def add_variant(
    product: Product,
    price: Amount = 10,
    channel: Channel | Sequence[Channel] | None = None,
    *,
    name: str = "",
    sku: str | None = None,
    stock: int | None = 100,
) -> ProductVariant:
    variant = ProductVariant.objects.create(
        product=product, name=name, sku=sku or f"SKU-{next(_numbers)}-{product.pk}", track_inventory=stock is not None
    )
    for one in _channels(channel):
        ProductVariantChannelListing.objects.create(
            variant=variant,
            channel=one,
            currency=one.currency_code,
            price_amount=Decimal(price),
            discounted_price_amount=Decimal(price),
        )
    if stock is not None:
        Stock.objects.create(warehouse=make_warehouse(), product_variant=variant, quantity=stock)
    return variant


def make_warehouse(slug: str = "warehouse") -> Warehouse:
    found = Warehouse.objects.filter(slug=slug).first()
    if found:
        return found
    warehouse = Warehouse.objects.create(slug=slug, name=slug.capitalize(), address=make_address())
    channels = Channel.objects.all()
    warehouse.channels.set(channels)
    if apps.is_installed("saleor.shipping"):
        # A shop that delivers sells only what it can deliver.
        zone = apps.get_model("shipping", "ShippingZone").objects.create(name="Everywhere", countries=["US"])
        zone.channels.set(channels)
        zone.warehouses.add(warehouse)
    return warehouse


def make_voucher(
    code: str = "VOUCHER", amount: Amount = 5, channel: Channel | None = None, **fields: Any
) -> VoucherCode:
    """A voucher that takes an amount off the entire order. Returns its code; `code.voucher` is the voucher."""
    channel = channel or make_channel()
    voucher = Voucher.objects.create(
        **{
            "name": code,
            "type": VoucherType.ENTIRE_ORDER,
            "discount_value_type": DiscountValueType.FIXED,
            **fields,
        }
    )
    VoucherChannelListing.objects.create(
        voucher=voucher, channel=channel, currency=channel.currency_code, discount_value=Decimal(amount)
    )
    return VoucherCode.objects.create(voucher=voucher, code=code)


def make_order_promotion(
    amount: Amount, least: Amount = 0, channel: Channel | None = None, gift: ProductVariant | None = None, **fields: Any
) -> Promotion:
    """A promotion that takes an amount off orders of at least some subtotal, or adds a gift (not in the stand-in)."""
    channel = channel or make_channel()
    promotion = Promotion.objects.create(**{"name": "Promotion", "type": PromotionType.ORDER, **fields})
    reward: dict[str, Any] = {
        "reward_type": RewardType.SUBTOTAL_DISCOUNT,
        "reward_value_type": RewardValueType.FIXED,
        "reward_value": Decimal(amount),
    }
    condition = {"baseSubtotalPrice": {"range": {"gte": str(least)}}}
    rule = PromotionRule.objects.create(
        promotion=promotion,
        order_predicate={"discountedObjectPredicate": condition},
        **({"reward_type": RewardType.GIFT} if gift else reward),
    )
    rule.channels.add(channel)
    if gift:
        rule.gifts.add(gift)
    return promotion


def make_order(
    user: User | None = None,
    email: str = "",
    channel: Channel | None = None,
    lines: Sequence[Line] = (),
    *,
    paid: bool = True,
    created_at: datetime | None = None,
    voucher_code: VoucherCode | None = None,
    discount: Amount = 0,
    shipping_price: Amount = 0,
    tax_rate: Amount = 0,
    status: str = OrderStatus.UNFULFILLED,
    origin: str = OrderOrigin.CHECKOUT,
    **fields: Any,
) -> Order:
    """An order as the shop would have written it, without any hook.

    Prices are gross; `tax_rate` (0.23 for 23 %) sets the net prices. `discount` is taken off the lines by their share,
    and is the voucher's if there is one.
    """
    channel = channel or make_channel()
    created_at = created_at or timezone.now()
    lines = lines or [(make_product(channel=channel), 1)]
    priced = [_price(line, channel) for line in lines]
    undiscounted = sum((price * quantity for _variant, quantity, price in priced), Decimal(0))
    left = Decimal(discount)
    order = Order(
        **_known(Order, lines_count=len(priced), should_refresh_prices=False),
        user=user,
        user_email=email or (user.email if user else ""),
        channel=channel,
        currency=channel.currency_code,
        status=status,
        origin=origin,
        created_at=created_at,
        billing_address=fields.pop("billing_address", None) or make_address(),
        voucher=voucher_code.voucher if voucher_code else None,
        voucher_code=voucher_code.code if voucher_code else None,
        **fields,
    )
    order_lines = []
    for position, (variant, quantity, price) in enumerate(priced):
        last = position == len(priced) - 1
        share = left if last else _cents(Decimal(discount) * price * quantity / undiscounted)
        left -= share
        order_lines.append(_order_line(order, variant, quantity, price, share, Decimal(tax_rate)))
    shipping = _taxed(Decimal(shipping_price), order.currency, Decimal(tax_rate))
    order.subtotal = sum((line.total_price for line in order_lines[1:]), order_lines[0].total_price)
    order.shipping_price = shipping
    order.base_shipping_price_amount = shipping.gross.amount
    order.total = order.subtotal + shipping
    order.undiscounted_total = _taxed(undiscounted, order.currency, Decimal(tax_rate)) + shipping
    order.save()
    OrderLine.objects.bulk_create(order_lines)
    OrderLine.objects.filter(order=order).update(created_at=created_at)
    if voucher_code and discount:
        order.discounts.create(
            type=DiscountType.VOUCHER,
            value=discount,
            amount_value=discount,
            currency=order.currency,
            voucher=voucher_code.voucher,
            voucher_code=voucher_code.code,
        )
    if paid:
        _record_payment(order, created_at)
    else:
        update_order_charge_data(order)
    return order


def complete_draft(draft: Order, at: datetime) -> Order:
    """Staff make an order of it: Saleor says so in its history, and leaves `created_at` as it is."""
    OrderEvent.objects.create(order=draft, type=OrderEvents.PLACED_FROM_DRAFT, date=at)
    return draft


def pack_goods(line: OrderLine, quantity: int, at: datetime) -> Fulfillment:
    """Staff pack them in a shop whose fulfillments wait for approval: these count as fulfilled, the order does not."""
    packed = Fulfillment.objects.create(order=line.order, status=FulfillmentStatus.WAITING_FOR_APPROVAL)
    packed.lines.create(order_line=line, quantity=quantity, stock=line.variant.stocks.first())
    Fulfillment.objects.filter(pk=packed.pk).update(created_at=at)
    OrderLine.objects.filter(pk=line.pk).update(quantity_fulfilled=models.F("quantity_fulfilled") + quantity)
    _note_lines(packed, OrderEvents.FULFILLMENT_AWAITS_APPROVAL, "awaiting_fulfillments", at)
    return packed


def approve_fulfillment(packed: Fulfillment, at: datetime) -> None:
    """Only the history says when: the fulfillment keeps the time when it was packed."""
    Fulfillment.objects.filter(pk=packed.pk).update(status=FulfillmentStatus.FULFILLED)
    _note_lines(packed, OrderEvents.FULFILLMENT_FULFILLED_ITEMS, "fulfilled_items", at)


def _note_lines(fulfillment: Fulfillment, what: str, key: str, at: datetime) -> None:
    lines = list(fulfillment.lines.values_list("pk", flat=True))
    OrderEvent.objects.create(order=fulfillment.order, type=what, date=at, parameters={key: lines})
    update_order_status(fulfillment.order)


def _order_line(
    order: Order, variant: ProductVariant, quantity: int, price: Decimal, discount: Decimal, tax_rate: Decimal
) -> OrderLine:
    line = OrderLine(
        order=order,
        variant=variant,
        product_name=variant.product.name,
        variant_name=variant.name,
        product_sku=variant.sku,
        product_variant_id=variant.get_global_id(),
        is_shipping_required=variant.is_shipping_required(),
        is_gift_card=variant.is_gift_card(),
        quantity=quantity,
        currency=order.currency,
        tax_rate=tax_rate,
        base_unit_price_amount=price,
        undiscounted_base_unit_price_amount=price,
    )
    total = price * quantity - discount
    line.total_price = _taxed(total, order.currency, tax_rate)
    line.unit_price = _taxed(_cents(total / quantity), order.currency, tax_rate)
    line.undiscounted_unit_price = _taxed(price, order.currency, tax_rate)
    line.undiscounted_total_price = _taxed(price * quantity, order.currency, tax_rate)
    return line


def _record_payment(order: Order, paid_at: datetime) -> None:
    payment = Payment.objects.create(
        order=order,
        gateway=CustomPaymentChoices.MANUAL,
        charge_status=ChargeStatus.FULLY_CHARGED,
        total=order.total_gross_amount,
        captured_amount=order.total_gross_amount,
        currency=order.currency,
        billing_email=order.user_email,
    )
    operation = Transaction.objects.create(
        payment=payment,
        kind=TransactionKind.EXTERNAL,
        is_success=True,
        amount=order.total_gross_amount,
        currency=order.currency,
        gateway_response={},
    )
    Payment.objects.filter(pk=payment.pk).update(created_at=paid_at, modified_at=paid_at)
    Transaction.objects.filter(pk=operation.pk).update(created_at=paid_at)
    update_order_charge_data(order)
    update_order_authorize_data(order)


def _price(line: Line, channel: Channel) -> tuple[ProductVariant, int, Decimal]:
    item, quantity, *given = line
    variant = item if isinstance(item, ProductVariant) else item.default_variant
    if given:
        return variant, quantity, Decimal(given[0])
    listing = variant.channel_listings.get(channel=channel)
    return variant, quantity, listing.discounted_price_amount


def _taxed(gross: Decimal, currency: str, tax_rate: Decimal) -> TaxedMoney:
    return TaxedMoney(net=Money(_cents(gross / (1 + tax_rate)), currency), gross=Money(gross, currency))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def _channels(channel: Channel | Sequence[Channel] | None) -> list[Channel]:
    if channel is None:
        return [make_channel()]
    return [channel] if isinstance(channel, Channel) else list(channel)


def _slug(name: str) -> str:
    return f"{slugify(name)}-{next(_numbers)}"


def _known(model: type[models.Model], **fields: Any) -> dict[str, Any]:
    """Only those fields that the installed version has."""
    names = {field.name for field in model._meta.get_fields()}
    return {name: value for name, value in fields.items() if name in names}
