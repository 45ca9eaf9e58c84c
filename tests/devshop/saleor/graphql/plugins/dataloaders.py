from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any

from promise import Promise

from ...plugins.manager import PluginsManager, get_plugins_manager
from ..app.dataloaders import get_app_promise
from ..core.context import SaleorContext
from ..core.dataloaders import DataLoader


class PluginManagerByRequestorDataloader(DataLoader[Any, PluginsManager]):
    context_key = "plugin_manager_by_requestor"

    def batch_load(self, keys: Iterable[Any]) -> list[PluginsManager]:
        allow_replica = getattr(self.context, "allow_replica", True)
        return [get_plugins_manager(allow_replica, partial(_same, key)) for key in keys]


class AnonymousPluginManagerLoader(DataLoader[str, PluginsManager]):
    context_key = "anonymous_plugin_manager"

    def batch_load(self, keys: Iterable[str]) -> list[PluginsManager]:
        allow_replica = getattr(self.context, "allow_replica", True)
        return [get_plugins_manager(allow_replica, None) for _key in keys]


def _same(requestor: Any) -> Any:
    return requestor


def plugin_manager_promise(context: SaleorContext, app: Any) -> Promise[PluginsManager]:
    requestor = app or context.user
    # Not `is None`: the user may be a lazy object around None, which is false but is not None.
    if not requestor:
        return AnonymousPluginManagerLoader(context).load("Anonymous")
    return PluginManagerByRequestorDataloader(context).load(requestor)


def get_plugin_manager_promise(context: SaleorContext) -> Promise[PluginsManager]:
    return plugin_manager_promise(context, get_app_promise(context).get())


def plugin_manager_promise_callback(func: Callable) -> Callable:
    @wraps(func)
    def wrapper(root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        return get_plugin_manager_promise(info.context).then(partial(func, root, info, *args, **kwargs))

    return wrapper
