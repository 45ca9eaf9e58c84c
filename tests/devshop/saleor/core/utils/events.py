from collections.abc import Callable
from typing import Any

from django.db import transaction


def call_event(func_obj: Callable, *func_args: Any, **func_kwargs: Any) -> None:
    """Call after commit when a transaction is open, at once otherwise.

    Saleor refuses orders and checkouts here, because their events go through `call_order_event` and
    `call_checkout_event`; so does the stand-in.
    """
    from ...checkout.fetch import CheckoutInfo
    from ...checkout.models import Checkout
    from ...order.fetch import OrderInfo
    from ...order.models import Order
    from ...plugins.manager import PluginsManager

    protected = any(isinstance(arg, Checkout | CheckoutInfo | Order | OrderInfo) for arg in func_args)
    if protected and isinstance(getattr(func_obj, "__self__", None), PluginsManager):
        raise NotImplementedError("Events of checkouts and orders have functions of their own.")
    _after_commit(func_obj, *func_args, **func_kwargs)


def _after_commit(func_obj: Callable, *func_args: Any, **func_kwargs: Any) -> None:
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(lambda: func_obj(*func_args, **func_kwargs))
    else:
        func_obj(*func_args, **func_kwargs)
