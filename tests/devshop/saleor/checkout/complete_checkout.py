"""From a checkout to an order."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from prices import Money, TaxedMoney

from ..account.models import User
from ..core.prices import quantize_price
from ..core.taxes import zero_money
from ..discount import DiscountType, DiscountValueType
from ..discount.models import NotApplicable, Voucher, VoucherCode
from ..discount.utils.voucher import get_customer_email_for_voucher_usage, increase_voucher_usage
from ..giftcard import GiftCardEvents
from ..giftcard.models import GiftCard
from ..order import OrderOrigin, OrderStatus
from ..order.actions import order_created
from ..order.fetch import fetch_order_info
from ..order.models import Order, OrderLine
from ..order.utils import update_order_authorize_data, update_order_charge_data
from . import CheckoutAuthorizeStatus, CheckoutChargeStatus
from .base_calculations import _line_totals_after_discount, checkout_total
from .calculations import _store_prices, _total_with_gift_cards
from .error_codes import CheckoutErrorCode
from .fetch import CheckoutInfo, CheckoutLineInfo, fetch_checkout_info, fetch_checkout_lines
from .models import Checkout
from .utils import get_voucher_for_checkout_info

if TYPE_CHECKING:
    from ..app.models import App
    from ..plugins.manager import PluginsManager


def complete_checkout(
    manager: "PluginsManager",
    checkout_info: CheckoutInfo,
    lines: list[CheckoutLineInfo],
    payment_data: dict[Any, Any],
    store_source: bool,
    user: User | None,
    app: "App | None",
    site_settings: Any = None,
    redirect_url: str | None = None,
    metadata_list: list | None = None,
    private_metadata_list: list | None = None,
    is_automatic_completion: bool = False,
) -> tuple[Order | None, bool, dict]:
    """Make the order, and return it. There is never a further step for the buyer, as no gateway is asked."""
    checkout = checkout_info.checkout
    _store_prices(checkout_info, lines)
    _validate_gift_cards(checkout)
    if not _is_covered(checkout_info):
        raise ValidationError(
            "The payments do not cover the total.", code=CheckoutErrorCode.CHECKOUT_NOT_FULLY_PAID.value
        )
    try:
        order = create_order_from_checkout(checkout_info, manager, user, app)
    except NotApplicable as error:
        not_applicable = ValidationError(
            "The voucher does not apply any more.", code=CheckoutErrorCode.VOUCHER_NOT_APPLICABLE.value
        )
        raise ValidationError({"voucher_code": not_applicable}) from error
    except Checkout.DoesNotExist:
        order = Order.objects.get_by_checkout_token(checkout.token)
    return order, False, {}


def _validate_gift_cards(checkout: Checkout) -> None:
    if checkout.gift_cards.count() != checkout.gift_cards.active(timezone.now().date()).count():
        dead = ValidationError(
            "A gift card is not valid any more.", code=CheckoutErrorCode.GIFT_CARD_NOT_APPLICABLE.value
        )
        raise ValidationError({"gift_cards": dead})


def _is_covered(checkout_info: CheckoutInfo) -> bool:
    checkout = checkout_info.checkout
    return (
        checkout_info.channel.allow_unpaid_orders
        or checkout.charge_status in (CheckoutChargeStatus.FULL, CheckoutChargeStatus.OVERCHARGED)
        or checkout.authorize_status == CheckoutAuthorizeStatus.FULL
        or not checkout.total_gross_amount
    )


def create_order_from_checkout(
    checkout_info: CheckoutInfo,
    manager: "PluginsManager",
    user: User | None,
    app: "App | None",
    delete_checkout: bool = True,
    metadata_list: list | None = None,
    private_metadata_list: list | None = None,
    is_automatic_completion: bool = False,
) -> Order | None:
    """Count the voucher's use in a transaction of its own, then make the order from a locked, fresh checkout."""
    checkout_pk = checkout_info.checkout.pk
    voucher = checkout_info.voucher
    code = None
    if checkout_info.checkout.voucher_code and not voucher:
        raise NotApplicable("The voucher was valid when it was added, and is not any more.")
    if voucher:
        with transaction.atomic():
            if not Checkout.objects.select_for_update(of=("self",)).filter(pk=checkout_pk).first():
                return Order.objects.get_by_checkout_token(checkout_pk)
            code = _use_voucher(checkout_info)
    with transaction.atomic():
        checkout = Checkout.objects.select_for_update(of=("self",)).filter(pk=checkout_pk).first()
        if checkout is None:
            return Order.objects.get_by_checkout_token(checkout_pk)
        lines, _unavailable = fetch_checkout_lines(checkout, voucher=voucher)
        checkout_info = fetch_checkout_info(checkout, lines, manager, voucher=voucher, voucher_code=code)
        assign_checkout_user(user, checkout_info)
        order = _create_order(checkout_info, lines, code)
        _pay_with_gift_cards(checkout_info, order, checkout_total(checkout_info, lines))
        checkout.payments.update(order=order, checkout=None)
        checkout.payment_transactions.update(order=order, checkout=None)
        update_order_charge_data(order, with_save=False)
        update_order_authorize_data(order, with_save=False)
        order.save()
        if delete_checkout:
            checkout.delete()
        order_info = fetch_order_info(order)
        transaction.on_commit(lambda: order_created(order_info, user, app, manager, automatic=is_automatic_completion))
    return order


def assign_checkout_user(user: User | None, checkout_info: CheckoutInfo) -> None:
    """A guest who types the e-mail of an account places the order for that account, logged in or not."""
    email = checkout_info.checkout.email
    if user is None and not checkout_info.user and email:
        checkout_info.user = User.objects.filter(email__iexact=email, is_active=True).first()


def _use_voucher(checkout_info: CheckoutInfo) -> VoucherCode | None:
    checkout = checkout_info.checkout
    voucher, code = get_voucher_for_checkout_info(checkout_info, with_lock=True)
    if not voucher or not code:
        return None
    if not checkout.is_voucher_usage_increased:
        increase_voucher_usage(voucher, code, get_customer_email_for_voucher_usage(checkout_info))
        checkout.is_voucher_usage_increased = True
        checkout.save(update_fields=["is_voucher_usage_increased"])
    return code


def _create_order(checkout_info: CheckoutInfo, lines: list[CheckoutLineInfo], code: VoucherCode | None) -> Order:
    checkout = checkout_info.checkout
    paid_by_transaction = checkout.payment_transactions.exists()
    confirmed = checkout_info.channel.automatically_confirm_all_new_orders and paid_by_transaction
    order = Order(
        status=OrderStatus.UNFULFILLED if confirmed else OrderStatus.UNCONFIRMED,
        origin=OrderOrigin.CHECKOUT,
        channel=checkout_info.channel,
        checkout_token=str(checkout.token),
        language_code=checkout.language_code,
        user=checkout_info.user,
        user_email=checkout_info.get_customer_email() or "",
        billing_address=checkout_info.billing_address,
        shipping_address=checkout_info.shipping_address,
        customer_note=checkout.note,
        currency=checkout.currency,
        voucher=checkout_info.voucher,
        voucher_code=code.code if code else None,
    )
    order.total = _total_with_gift_cards(checkout_info, lines)
    order_lines = _order_lines(order, checkout_info, lines)
    currency = checkout.currency
    order.subtotal = _sum([line.total_price for line in order_lines], currency)
    order.undiscounted_total = _sum([line.undiscounted_total_price for line in order_lines], currency)
    order.save()
    OrderLine.objects.bulk_create(order_lines)
    if checkout.discount_amount:
        _record_discount(order, checkout, checkout_info.voucher, code)
    return order


def _order_lines(order: Order, checkout_info: CheckoutInfo, lines: list[CheckoutLineInfo]) -> list[OrderLine]:
    order_lines = []
    for line_info, total in zip(lines, _line_totals_after_discount(checkout_info, lines), strict=True):
        quantity = line_info.line.quantity
        unit = quantize_price(total / quantity, total.currency)
        undiscounted = line_info.undiscounted_unit_price
        line = OrderLine(
            order=order,
            variant=line_info.variant,
            product_name=str(line_info.product),
            variant_name=str(line_info.variant),
            product_sku=line_info.variant.sku,
            product_variant_id=line_info.variant.get_global_id(),
            is_shipping_required=line_info.variant.is_shipping_required(),
            is_gift_card=line_info.variant.is_gift_card(),
            is_gift=line_info.line.is_gift,
            quantity=quantity,
            currency=total.currency,
            tax_rate=0,
            sale_id="a promotion" if line_info.get_catalogue_discounts() else None,
            base_unit_price_amount=line_info.variant_discounted_price.amount,
            undiscounted_base_unit_price_amount=undiscounted.amount,
            unit_discount_amount=(undiscounted - unit).amount,
            unit_discount_value=(undiscounted - unit).amount,
            unit_discount_type=DiscountValueType.FIXED,
        )
        line.unit_price = TaxedMoney(unit, unit)
        line.total_price = TaxedMoney(total, total)
        line.undiscounted_unit_price = TaxedMoney(undiscounted, undiscounted)
        line.undiscounted_total_price = line.undiscounted_unit_price * quantity
        order_lines.append(line)
    return order_lines


def _record_discount(order: Order, checkout: Checkout, voucher: Voucher | None, code: VoucherCode | None) -> None:
    order.discounts.create(
        type=DiscountType.VOUCHER if code else DiscountType.ORDER_PROMOTION,
        value_type=DiscountValueType.FIXED,
        value=checkout.discount_amount,
        amount_value=checkout.discount_amount,
        currency=checkout.currency,
        name=checkout.discount_name,
        voucher=voucher,
        voucher_code=code.code if code else None,
    )


def _pay_with_gift_cards(checkout_info: CheckoutInfo, order: Order, total: Money) -> None:
    """Use the cards up one after the other; whether they are still active was looked at before, not here."""
    for card in checkout_info.checkout.gift_cards.select_for_update(of=("self",)):
        if not total.amount:
            break
        used = min(card.current_balance, total)
        before = card.current_balance_amount
        card.current_balance -= used
        card.last_used_on = timezone.now()
        card.used_by = checkout_info.user
        card.used_by_email = checkout_info.get_customer_email()
        order.gift_cards.add(card)
        card.events.create(
            type=GiftCardEvents.USED_IN_ORDER,
            order=order,
            parameters={"balance": {"old_current_balance": before, "current_balance": card.current_balance_amount}},
        )
        total -= used
        GiftCard.objects.bulk_update([card], ["current_balance_amount", "last_used_on", "used_by", "used_by_email"])


def _sum(prices: list[TaxedMoney], currency: str) -> TaxedMoney:
    zero = zero_money(currency)
    return sum(prices, TaxedMoney(zero, zero))
