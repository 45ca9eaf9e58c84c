from typing import TYPE_CHECKING

from ..core.utils.events import _after_commit

if TYPE_CHECKING:
    from ..plugins.manager import PluginsManager
    from .models import Checkout


def call_checkout_event(manager: "PluginsManager", event_name: str, checkout: "Checkout") -> None:
    _after_commit(getattr(manager, event_name), checkout, webhooks=set())
