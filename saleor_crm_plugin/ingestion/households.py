"""Where people live, read from Saleor's addresses and compared, and stored nowhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.loyalty.referrals.sameness import Home, home_of

_PARTS = ("last_name", "street_address_1", "street_address_2", "postal_code", "city", "country")
_ADDRESSES_OF_ORDER = ("billing_address", "shipping_address")


def homes_of_orders(order_ids: Collection[UUID], using: str) -> dict[UUID, set[Home]]:
    """Where the orders went and were billed to. One statement."""
    homes: defaultdict[UUID, set[Home]] = defaultdict(set)
    rows = Order.objects.using(using).filter(pk__in=order_ids).order_by()
    for order_id, *parts in rows.values_list("pk", *_columns()):
        homes[order_id] |= _homes(parts)
    return homes


def homes_of_users(user_ids: Collection[int], using: str) -> dict[int, set[Home]]:
    """The users' addresses, and those of their orders. Two statements."""
    homes: defaultdict[int, set[Home]] = defaultdict(set)
    orders = Order.objects.using(using).filter(user_id__in=user_ids).order_by()
    for user_id, *parts in orders.values_list("user_id", *_columns()).distinct():
        homes[user_id] |= _homes(parts)
    users = User.objects.using(using).filter(pk__in=user_ids).order_by()
    for user_id, *parts in users.values_list("pk", *(f"addresses__{part}" for part in _PARTS)):
        homes[user_id] |= _homes(parts)
    return homes


def _columns() -> list[str]:
    return [f"{address}__{part}" for address in _ADDRESSES_OF_ORDER for part in _PARTS]


def _homes(values: list[object]) -> set[Home]:
    found = set()
    for start in range(0, len(values), len(_PARTS)):
        home = home_of(*(str(value or "") for value in values[start : start + len(_PARTS)]))
        if home is not None:
            found.add(home)
    return found
