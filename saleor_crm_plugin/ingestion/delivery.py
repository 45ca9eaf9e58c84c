"""Points as a voucher make a basket cheaper, and some ways of delivery are for baskets from a price on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DatabaseError, transaction
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import invalidate_checkout
from saleor.plugins.manager import get_plugins_manager

from saleor_crm_plugin import compat
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.ingestion import carriers

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager

logger = logging.getLogger(__name__)


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


def review_delivery_of(checkout_token: UUID) -> None:
    """`review_delivery` where nobody waits for the checkout: one that fails is logged, and keeps no other from it."""
    try:
        checkout = Checkout.objects.select_related("channel").filter(pk=checkout_token).first()
        if checkout is None:
            return
        manager = get_plugins_manager(allow_replica=False)
        lines, _ = fetch_checkout_lines(checkout)
        review_delivery(fetch_checkout_info(checkout, lines, manager), lines, manager)
    except Exception as error:
        logger.error("The delivery of a checkout is not reviewed (%s).", checkout_token, exc_info=told(error))
