"""A plugin that writes down every hook it gets, for tests of what fires and when."""

from typing import Any

from saleor.plugins.base_plugin import BasePlugin

PATH = f"{__name__}.ListeningPlugin"
# What a real shop also asks its plugins for; the stand-in has no such hooks.
QUESTIONS = {"authenticate_user", "notify", "preprocess_order_creation"}
heard: list[tuple[str, tuple, dict]] = []


class ListeningPlugin(BasePlugin):
    PLUGIN_ID = "devshop.listening"
    PLUGIN_NAME = "Listening"
    CONFIGURATION_PER_CHANNEL = False
    DEFAULT_ACTIVE = True


def _listen(hook: str) -> Any:
    def method(self: ListeningPlugin, *args: Any, previous_value: Any, **kwargs: Any) -> Any:
        heard.append((hook, args, kwargs))
        return previous_value

    return method


for _hook in BasePlugin.__annotations__:
    if _hook.islower() and _hook not in QUESTIONS:
        setattr(ListeningPlugin, _hook, _listen(_hook))
