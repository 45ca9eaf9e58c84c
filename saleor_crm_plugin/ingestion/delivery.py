"""Points as a voucher make a basket cheaper, and some ways of delivery are for baskets from a price on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, transaction
from saleor.checkout.models import Checkout
from saleor.checkout.utils import invalidate_checkout

from saleor_crm_plugin import compat
from saleor_crm_plugin.ingestion import carriers

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager


def review_delivery(checkout_info: Any, lines: Sequence[Any], manager: PluginsManager) -> None:
    """Do about the delivery what Saleor does with a promo code: else it refuses the order, when that has been paid.

    To be called without a lock on the checkout, since Saleor may ask delivery apps.
    """
    checkout = checkout_info.checkout
    try:
        changed = compat.review_delivery(checkout_info, lines)
    except DatabaseError:
        # Saleor has written what it takes off. An order may have come of the checkout in the meantime, here as below.
        if Checkout.objects.filter(pk=checkout.pk).exists():
            raise
        return
    if not changed:
        return
    changed += invalidate_checkout(checkout_info, lines, manager, recalculate_discount=False, save=False)
    with transaction.atomic():
        if carriers.lock_checkout(checkout.pk) is not None:
            checkout.save(update_fields=changed)
