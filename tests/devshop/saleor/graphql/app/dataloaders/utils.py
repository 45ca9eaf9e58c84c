from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from promise import Promise

from ....app.models import App
from ....core.auth import get_token_from_request
from ...core.context import SaleorContext
from .app import AppByTokenLoader

_APP_TOKEN_LENGTH = 30


def get_app_promise(context: SaleorContext) -> Promise[App | None]:
    """The app whose token the request carries. A token of another length is a user's."""
    if hasattr(context, "app"):
        return Promise.resolve(context.app)
    token = get_token_from_request(context)
    if not token or len(token) != _APP_TOKEN_LENGTH:
        return Promise.resolve(None)
    return AppByTokenLoader(context).load(token)


def app_promise_callback(func: Callable) -> Callable:
    @wraps(func)
    def wrapper(root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        return get_app_promise(info.context).then(partial(func, root, info, *args, **kwargs))

    return wrapper
