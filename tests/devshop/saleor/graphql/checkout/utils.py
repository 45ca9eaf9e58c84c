from collections.abc import Callable
from functools import wraps
from typing import Any

from graphql import ResolveInfo

from ...core.exceptions import CircularSubscriptionSyncEvent


def prevent_sync_event_circular_query(func: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a field that asks apps, in the text that is sent to an app which is being asked."""

    @wraps(func)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        (info,) = (argument for argument in args if isinstance(argument, ResolveInfo))
        if getattr(info.context, "sync_event", False):
            raise CircularSubscriptionSyncEvent("An app that is asked for prices cannot ask for what needs them.")
        return func(*args, **kwargs)

    return guarded
