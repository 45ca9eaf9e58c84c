"""What carries the points of a hold through a checkout: a voucher or a gift card, with the same verbs for both.

Everything here needs the lock on the checkout, if it still exists, and then that on the hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from saleor.checkout.fetch import fetch_checkout_info
from saleor.checkout.models import Checkout
from saleor.checkout.utils import add_voucher_code_to_checkout, remove_voucher_from_checkout

from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion import points_cards, vouchers
from saleor_crm_plugin.loyalty.models import HoldForm, HoldStatus, PointsHold

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager


def lock_checkout(token: Any, **conditions: Any) -> Checkout | None:
    """The checkout, locked; None if there is none that meets the conditions."""
    rows = Checkout.objects.select_for_update(of=("self",)).filter(pk=token, **conditions)
    return rows.select_related("channel").first()


def lock_hold(token: Any) -> PointsHold | None:
    """The open hold of a checkout, locked."""
    return PointsHold.objects.select_for_update().filter(checkout_token=token, status=HoldStatus.HELD).first()


def create(form: HoldForm, amount: Decimal, checkout: Checkout, now: datetime) -> dict[str, Any]:
    """Make a voucher or gift card for a hold to come; returns the fields of the hold that name it."""
    if form == HoldForm.GIFT_CARD:
        return {"form": form, "gift_card_id": points_cards.create_card(amount, checkout.currency, checkout)}
    code = vouchers.new_code()
    vouchers.create_voucher(code, amount, checkout.currency, checkout.channel, now)
    return {"form": form, "code": code}


def put_on(hold: PointsHold, checkout: Checkout, lines: Sequence[Any], manager: PluginsManager) -> Any:
    """Put the hold's voucher on the checkout (a gift card is there already); returns Saleor's info on the checkout.

    Raises:
        RedemptionError: `NOT_APPLICABLE` if Saleor refuses.
    """
    checkout_info = fetch_checkout_info(checkout, lines, manager)
    if hold.code is not None:
        try:
            add_voucher_code_to_checkout(manager, checkout_info, lines, hold.code)
        except ValidationError as error:
            raise RedemptionError("; ".join(error.messages), "NOT_APPLICABLE", "checkoutId") from error
    return checkout_info


def lock(hold: PointsHold, checkout: Checkout | None) -> bool:
    """Lock the hold's voucher or gift card; False if an order is using or has used it, and then it must stay."""
    if hold.code is not None:
        return vouchers.lock_unused(hold.code, [] if checkout is None else [checkout])
    if checkout is not None and checkout.is_checkout_locked():
        return False
    return points_cards.lock_unused(_card_of(hold))


def kill(hold: PointsHold, checkout: Checkout | None) -> bool:
    """Make the hold's voucher or gift card unusable; False if an order is using or has used it, and nothing changed."""
    if hold.code is not None:
        return vouchers.withdraw_code(hold.code)
    if not lock(hold, checkout):
        return False
    points_cards.kill_card(_card_of(hold))
    return True


def change_worth(hold: PointsHold) -> None:
    """Bring the hold's voucher or gift card, locked before, to the hold's amount."""
    if hold.code is not None:
        vouchers.change_amount(hold.code, hold.amount)
    else:
        points_cards.change_balance(_card_of(hold), hold.amount)


def is_on(hold: PointsHold, checkout: Checkout) -> bool:
    """Whether the checkout still has it: buyers can take off any voucher and gift card."""
    if hold.code is not None:
        return hold.code == checkout.voucher_code
    return checkout.gift_cards.filter(pk=hold.gift_card_id).exists()


def take_off(checkout: Checkout) -> bool:
    """Take whatever carries or has carried points off the checkout; False if there was nothing."""
    is_ours = bool(checkout.voucher_code) and is_of_points(checkout.voucher_code, checkout)
    if is_ours:
        remove_voucher_from_checkout(checkout)
    return points_cards.take_off(checkout) or is_ours


def take_off_foreign(checkout: Checkout) -> bool:
    """Take a voucher off that carries the points of another checkout; False if there is none, or an order is using it.

    The other checkout keeps its points, and its hold is not locked: nothing of it changes.
    """
    code = checkout.voucher_code
    held = PointsHold.objects.filter(code=code, status=HoldStatus.HELD).exclude(checkout_token=checkout.token)
    if not code or not held.exists() or checkout.is_checkout_locked():
        return False
    # As Saleor 3.21 locks a code before its checkout, a completion may be waiting for this one with the old price.
    if not vouchers.lock_unused(code, [checkout]):
        return False
    remove_voucher_from_checkout(checkout)
    return True


def is_of_points(code: str, checkout: Checkout) -> bool:
    """Whether a voucher on the checkout carries its points."""
    return PointsHold.objects.filter(code=code, checkout_token=checkout.token).exists()


def _card_of(hold: PointsHold) -> int:
    assert hold.gift_card_id is not None
    return int(hold.gift_card_id)
