"""Voucher and gift card codes of a checkout, and the discount that follows from them."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from prices import Money

from ..account.models import Address
from ..core.utils.promo_code import InvalidPromoCode, promo_code_is_gift_card, promo_code_is_voucher
from ..discount import DiscountType, VoucherType
from ..discount.models import NotApplicable, Voucher, VoucherCode
from ..discount.utils.checkout import create_checkout_discount_objects_for_order_promotions
from ..discount.utils.voucher import get_voucher_code_instance, validate_voucher_for_checkout
from ..giftcard.models import GiftCard
from . import base_calculations
from .error_codes import CheckoutErrorCode
from .models import Checkout

if TYPE_CHECKING:
    from ..plugins.manager import PluginsManager
    from .fetch import CheckoutInfo, CheckoutLineInfo

_VOUCHER_FIELDS = ["voucher_code", "discount_name", "translated_discount_name", "discount_amount", "last_change"]


def calculate_checkout_quantity(lines: "list[CheckoutLineInfo]") -> int:
    return sum(line_info.line.quantity for line_info in lines)


def get_voucher_for_checkout(
    checkout: Checkout,
    channel_slug: str,
    with_lock: bool = False,
    with_prefetch: bool = False,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
) -> tuple[Voucher | None, VoucherCode | None]:
    """The voucher of the checkout if it may still be used, or if this checkout has counted as a use already."""
    codes = VoucherCode.objects.using(database_connection_name)
    code = checkout.voucher_code and codes.filter(code=checkout.voucher_code, is_active=True).first()
    if not code:
        return None, None
    vouchers = Voucher.objects.using(database_connection_name)
    if not checkout.is_voucher_usage_increased:
        vouchers = vouchers.active_in_channel(timezone.now(), channel_slug)
    voucher = vouchers.filter(pk=code.voucher_id).first()
    if voucher is None:
        return None, None
    if with_lock and voucher.usage_limit is not None:
        code = codes.select_for_update().get(pk=code.pk)
    return voucher, code


def get_voucher_for_checkout_info(
    checkout_info: "CheckoutInfo", with_lock: bool = False, with_prefetch: bool = False
) -> tuple[Voucher | None, VoucherCode | None]:
    return get_voucher_for_checkout(checkout_info.checkout, checkout_info.channel.slug, with_lock, with_prefetch)


def get_voucher_discount_for_checkout(
    manager: "PluginsManager",
    voucher: Voucher,
    checkout_info: "CheckoutInfo",
    lines: "list[CheckoutLineInfo]",
    address: Address | None,
) -> Money:
    """How much the voucher takes off this checkout. Raises NotApplicable."""
    validate_voucher_for_checkout(manager, voucher, checkout_info, lines)
    if voucher.type != VoucherType.ENTIRE_ORDER or voucher.apply_once_per_order:
        raise NotImplementedError("The stand-in knows vouchers for the entire order only.")
    subtotal = base_calculations.base_checkout_subtotal(lines, checkout_info.channel, checkout_info.checkout.currency)
    return voucher.get_discount_amount_for(subtotal, checkout_info.channel)


def add_promo_code_to_checkout(
    manager: "PluginsManager",
    checkout_info: "CheckoutInfo",
    lines: "list[CheckoutLineInfo]",
    promo_code: str,
) -> None:
    if promo_code_is_voucher(promo_code):
        add_voucher_code_to_checkout(manager, checkout_info, lines, promo_code)
        return
    cards = GiftCard.objects.active(timezone.now().date()).filter(currency=checkout_info.checkout.currency)
    card = cards.filter(code=promo_code).first()
    if card is None:
        raise InvalidPromoCode()
    checkout_info.checkout.gift_cards.add(card)
    checkout_info.checkout.save(update_fields=["last_change"])


def add_voucher_code_to_checkout(
    manager: "PluginsManager",
    checkout_info: "CheckoutInfo",
    lines: "list[CheckoutLineInfo]",
    voucher_code: str,
) -> None:
    """Put the voucher in place of any other. Raises InvalidPromoCode, or ValidationError when it does not apply."""
    code = get_voucher_code_instance(voucher_code, checkout_info.channel.slug)
    try:
        add_voucher_to_checkout(manager, checkout_info, lines, code.voucher, code)
    except NotApplicable as error:
        message = "The voucher does not apply to this checkout."
        not_applicable = ValidationError(message, code=CheckoutErrorCode.VOUCHER_NOT_APPLICABLE.value)
        raise ValidationError({"promo_code": not_applicable}) from error


def add_voucher_to_checkout(
    manager: "PluginsManager",
    checkout_info: "CheckoutInfo",
    lines: "list[CheckoutLineInfo]",
    voucher: Voucher,
    voucher_code: VoucherCode,
) -> None:
    checkout = checkout_info.checkout
    address = checkout_info.shipping_address or checkout_info.billing_address
    checkout.discount = get_voucher_discount_for_checkout(manager, voucher, checkout_info, lines, address)
    checkout.voucher_code = voucher_code.code
    checkout.discount_name = voucher.name
    checkout.translated_discount_name = ""
    checkout_info.voucher = voucher
    checkout_info.voucher_code = voucher_code
    checkout.save(update_fields=_VOUCHER_FIELDS)
    checkout.discounts.filter(type=DiscountType.ORDER_PROMOTION).delete()


def remove_promo_code_from_checkout_or_error(checkout_info: "CheckoutInfo", promo_code: str) -> None:
    checkout = checkout_info.checkout
    if promo_code_is_voucher(promo_code) or promo_code == checkout.voucher_code:
        remove_voucher_code_from_checkout_or_error(checkout_info, promo_code)
    elif promo_code_is_gift_card(promo_code):
        checkout.gift_cards.remove(*checkout.gift_cards.filter(code=promo_code))
        checkout.save(update_fields=["last_change"])
    else:
        raise ValidationError("There is no such code.", code=CheckoutErrorCode.NOT_FOUND.value)


def remove_voucher_code_from_checkout_or_error(checkout_info: "CheckoutInfo", voucher_code: str) -> None:
    voucher = checkout_info.voucher
    known = voucher.promo_codes if voucher else [checkout_info.checkout.voucher_code]
    if voucher_code not in known:
        raise ValidationError("The checkout has another voucher, or none.", code=CheckoutErrorCode.INVALID.value)
    remove_voucher_from_checkout(checkout_info.checkout)
    checkout_info.voucher = None


def remove_voucher_from_checkout(checkout: Checkout) -> None:
    checkout.voucher_code = None
    checkout.discount_name = None
    checkout.translated_discount_name = None
    checkout.discount_amount = Decimal(0)
    checkout.save(update_fields=_VOUCHER_FIELDS)


def recalculate_checkout_discount(
    manager: "PluginsManager", checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]"
) -> None:
    """Fit the discount to the lines; a voucher that no longer applies leaves the checkout without a word."""
    _fit_voucher(manager, checkout_info, lines)
    create_checkout_discount_objects_for_order_promotions(checkout_info, lines, save=True)


def _fit_voucher(manager: "PluginsManager", checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]") -> None:
    checkout = checkout_info.checkout
    voucher = checkout_info.voucher
    if voucher is None:
        remove_voucher_from_checkout(checkout)
        return
    address = checkout_info.shipping_address or checkout_info.billing_address
    try:
        checkout.discount = get_voucher_discount_for_checkout(manager, voucher, checkout_info, lines, address)
    except NotApplicable:
        remove_voucher_from_checkout(checkout)
        checkout_info.voucher = None
        return
    checkout.discount_name = voucher.name
    checkout.save(update_fields=["discount_amount", "discount_name", "currency", "last_change"])


def recalculate_checkout_discounts(
    checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]", manager: "PluginsManager"
) -> None:
    recalculate_checkout_discount(manager, checkout_info, lines)


def invalidate_checkout(
    checkout_info: "CheckoutInfo",
    lines: "list[CheckoutLineInfo]",
    manager: "PluginsManager",
    *,
    recalculate_discount: bool = True,
    save: bool,
) -> list[str]:
    """Mark the prices as out of date; say which fields changed, for callers that save themselves."""
    if recalculate_discount:
        recalculate_checkout_discounts(checkout_info, lines, manager)
    return invalidate_checkout_prices(checkout_info, save=save)


def invalidate_checkout_prices(checkout_info: "CheckoutInfo", *, save: bool) -> list[str]:
    checkout = checkout_info.checkout
    checkout.price_expiration = checkout.discount_expiration = timezone.now()
    fields = ["price_expiration", "discount_expiration", "last_change"]
    if save:
        checkout.save(update_fields=fields)
    return fields
