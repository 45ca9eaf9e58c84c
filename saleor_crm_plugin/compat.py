"""The only place that knows that Saleor versions differ."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.utils.module_loading import import_string
from promise import Promise

OLDEST_SUPPORTED = (3, 21)
NEWEST_SUPPORTED = (3, 24)


def saleor_is_installed() -> bool:
    return find_spec("saleor") is not None


def saleor_version() -> str:
    """Saleor's version as it states it, like `3.22.67`."""
    from saleor import __version__

    return str(__version__)


def minor_version(version: str) -> tuple[int, int] | None:
    """`3.24.0-a.0` -> (3, 24); None if it does not start with two numbers."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else None


@cache
def channel_context_class() -> type[Any]:
    """Saleor's `ChannelContext`, which wraps an object that is read in a channel."""
    try:
        from saleor.graphql.core.context import ChannelContext
    except ImportError:  # 3.21
        from saleor.graphql.channel import ChannelContext
    context_class: type[Any] = ChannelContext
    return context_class


def in_channel(node: Any, channel_slug: str | None) -> Any:
    """Wrap a node (product, variant, voucher …) for a resolver of Saleor's that needs its channel."""
    return channel_context_class()(node=node, channel_slug=channel_slug)


def fetch_checkout_data(
    checkout_info: Any,
    manager: Any,
    lines: Any,
    *,
    requestor: Any,
    database_connection_name: str,
    allow_sync_webhooks: bool = True,
) -> Promise[Any]:
    """Promise of Saleor's (checkout info, line infos) with prices that have not expired."""
    from saleor.checkout import calculations

    fetch = calculations.fetch_checkout_data
    keywords: dict[str, Any] = {
        "database_connection_name": database_connection_name,
        "allow_sync_webhooks": allow_sync_webhooks,
    }
    # From 3.23 it asks who asks, and returns a promise itself.
    if "requestor" in inspect.signature(fetch).parameters:
        keywords["requestor"] = requestor
    return Promise.resolve(fetch(checkout_info, manager, lines, **keywords))


def gift_card_of(user: Any) -> dict[str, Any]:
    """The fields that make a gift card a customer's own.

    From 3.23 nobody else can pay with it. Before, Saleor has no such restriction: whoever knows the code can.

    By their account, without `created_by_email` and `used_by_email`: whoever has these addresses next, Saleor makes the
    card's user, and shows the code. By `assigned_to_email` it looks for nobody, and without it forgets the restriction
    when the customer is deleted.
    """
    from saleor.giftcard.models import GiftCard

    fields = {"created_by": user, "used_by": user}
    if "assigned_to" in {field.name for field in GiftCard._meta.get_fields()}:
        fields |= {"assigned_to": user, "assigned_to_email": user.email}
    return fields


def forget_authorisations(card: Any) -> None:
    """Take back what a gift card has promised to checkouts through transactions (from 3.23).

    Saleor's charge of such a promise asks for the card's balance only, not whether it is active.
    """
    try:
        detach = import_string("saleor.giftcard.gateway.detach_gift_card_from_previous_checkout_transactions")
    except ImportError:
        return
    detach(card)


def transactions_know_gift_cards() -> bool:
    """Whether Saleor asks transactions only for what gift cards leave to pay: from 3.22."""
    return (minor_version(saleor_version()) or NEWEST_SUPPORTED) > (3, 21)


def review_delivery(checkout_info: Any, lines: Any) -> list[str]:
    """What Saleor does about the delivery of a checkout with another price; returns the fields of it that changed.

    From 3.23 the ways of delivery are asked for anew when they are needed next. Before, the chosen one is taken off if
    the checkout is not entitled to it any more.
    """
    utils = import_module("saleor.graphql.checkout.mutations.utils")
    if mark := getattr(utils, "mark_checkout_deliveries_as_stale_if_needed", None):
        return list(mark(checkout_info.checkout, lines))
    check = getattr(utils, "update_checkout_shipping_method_if_invalid", None)
    # Without an address, nothing can have been chosen, and Saleor refuses to look.
    if check is None or checkout_info.shipping_address is None:
        return []
    return list(check(checkout_info, lines))


def hook_names() -> frozenset[str]:
    """Every hook that Saleor's `BasePlugin` declares: it lists them as annotations, without a value."""
    from saleor.plugins.base_plugin import BasePlugin

    return frozenset(BasePlugin.__annotations__) | frozenset(vars(BasePlugin))


def answered_hooks(plugin_class: type[Any]) -> frozenset[str]:
    """The names that a plugin class declares itself and Saleor might call."""
    return frozenset(name for name, value in vars(plugin_class).items() if callable(value) and not name.startswith("_"))
