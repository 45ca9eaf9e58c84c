"""Whether a voucher may be used, and the count of its uses. Entire-order vouchers are all that the stand-in reckons."""

from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone
from prices import Money

from ...channel.models import Channel
from ...core.utils.promo_code import InvalidPromoCode
from ..models import NotApplicable, Voucher, VoucherCode, VoucherCustomer

if TYPE_CHECKING:
    from ...checkout.fetch import CheckoutInfo, CheckoutLineInfo
    from ...plugins.manager import PluginsManager


def get_voucher_code_instance(voucher_code: str, channel_slug: str, validate_usage_limit: bool = True) -> VoucherCode:
    active = Voucher.objects.active_in_channel(timezone.now(), channel_slug, validate_usage_limit)
    instance = VoucherCode.objects.filter(code=voucher_code, is_active=True, voucher__in=active).first()
    if instance is None:
        raise InvalidPromoCode()
    return instance


def get_customer_email_for_voucher_usage(source_object: Any) -> str | None:
    """The user's e-mail before the one typed into the checkout."""
    return source_object.user.email if source_object.user else source_object.get_customer_email()


def validate_voucher_for_checkout(
    manager: "PluginsManager",
    voucher: Voucher,
    checkout_info: "CheckoutInfo",
    lines: list["CheckoutLineInfo"],
) -> None:
    from ...checkout.base_calculations import base_checkout_subtotal
    from ...checkout.utils import calculate_checkout_quantity

    validate_voucher(
        voucher,
        base_checkout_subtotal(lines, checkout_info.channel, checkout_info.checkout.currency),
        calculate_checkout_quantity(lines),
        get_customer_email_for_voucher_usage(checkout_info) or "",
        checkout_info.channel,
        checkout_info.user,
    )


def validate_voucher(
    voucher: Voucher, total_price: Money, quantity: int, customer_email: str, channel: Channel, customer: Any
) -> None:
    voucher.validate_min_spent(total_price, channel)
    voucher.validate_min_checkout_items_quantity(quantity)
    if voucher.apply_once_per_customer:
        voucher.validate_once_per_customer(customer_email)
    voucher.validate_only_for_staff(customer)


def increase_voucher_usage(
    voucher: Voucher,
    code: VoucherCode,
    customer_email: str | None,
    increase_voucher_customer_usage: bool = True,
) -> None:
    """Count one use, in the order: limit, customer, single use."""
    if voucher.usage_limit:
        increase_voucher_code_usage_value(code)
    if voucher.apply_once_per_customer and increase_voucher_customer_usage:
        add_voucher_usage_by_customer(code, customer_email)
    if voucher.single_use:
        deactivate_voucher_code(code)


def increase_voucher_code_usage_value(code: VoucherCode) -> None:
    code.used = F("used") + 1
    code.save(update_fields=["used"])


def deactivate_voucher_code(code: VoucherCode) -> None:
    code.is_active = False
    code.save(update_fields=["is_active"])


def add_voucher_usage_by_customer(code: VoucherCode, customer_email: str | None) -> None:
    if not customer_email:
        raise NotApplicable("The voucher needs to know the customer.")
    _row, created = VoucherCustomer.objects.get_or_create(voucher_code=code, customer_email=customer_email)
    if not created:
        raise NotApplicable("This customer has used the voucher before.")
