from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, Optional

from django.utils.functional import SimpleLazyObject

from .models import PluginConfiguration

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from ..account.models import User
    from ..channel.models import Channel
    from ..checkout.models import Checkout
    from ..discount.models import Voucher, VoucherCode
    from ..order.models import Fulfillment, Order
    from ..product.models import Category, Collection, Product, ProductVariant

PluginConfigurationType = list[dict]


class ConfigurationTypeField:
    STRING = "String"
    MULTILINE = "Multiline"
    BOOLEAN = "Boolean"
    SECRET = "Secret"
    SECRET_MULTILINE = "SecretMultiline"
    PASSWORD = "Password"
    OUTPUT = "OUTPUT"

    CHOICES = [
        (STRING, "One line"),
        (MULTILINE, "Several lines"),
        (BOOLEAN, "Yes or no"),
        (SECRET, "Secret line"),
        (SECRET_MULTILINE, "Secret lines"),
        (PASSWORD, "Password"),
        (OUTPUT, "Read only"),
    ]


class BasePlugin:
    """What the manager needs of a plugin. A hook is any method of a subclass with the name of an event.

    The annotations name the hooks that the stand-in calls, with their arguments and, last, `previous_value`. The
    class has no such methods itself: the manager skips a plugin that does not define one.
    """

    PLUGIN_NAME = ""
    PLUGIN_ID = ""
    PLUGIN_DESCRIPTION = ""
    CONFIG_STRUCTURE: dict | None = None
    CONFIGURATION_PER_CHANNEL = True
    DEFAULT_CONFIGURATION: PluginConfigurationType = []
    DEFAULT_ACTIVE = False
    HIDDEN = False

    account_confirmed: Callable[["User", None], None]
    account_confirmation_requested: Callable[["User", str, str, str | None, None], None]
    account_deleted: Callable[["User", None], None]
    account_email_changed: Callable[["User", None], None]
    category_created: Callable[["Category", None], None]
    category_deleted: Callable[["Category", None, None], None]
    category_updated: Callable[["Category", None], None]
    channel_created: Callable[["Channel", None], None]
    channel_deleted: Callable[["Channel", None], None]
    channel_metadata_updated: Callable[["Channel", None], None]
    channel_status_changed: Callable[["Channel", None], None]
    channel_updated: Callable[["Channel", None, None], None]
    checkout_created: Callable[["Checkout", Any, None], Any]
    checkout_fully_authorized: Callable[["Checkout", Any, None], Any]
    checkout_fully_paid: Callable[["Checkout", Any, None], Any]
    checkout_metadata_updated: Callable[["Checkout", Any, None], Any]
    checkout_updated: Callable[["Checkout", Any, None], Any]
    collection_created: Callable[["Collection", Any], Any]
    collection_deleted: Callable[["Collection", Any, None], Any]
    collection_updated: Callable[["Collection", Any], Any]
    customer_created: Callable[["User", Any], Any]
    customer_deleted: Callable[["User", Any, None], Any]
    customer_metadata_updated: Callable[["User", Any, None], Any]
    customer_updated: Callable[["User", Any, None], Any]
    draft_order_created: Callable[["Order", Any, None], Any]
    draft_order_deleted: Callable[["Order", Any, None], Any]
    draft_order_updated: Callable[["Order", Any, None], Any]
    fulfillment_approved: Callable[["Fulfillment", Any], Any]
    fulfillment_canceled: Callable[["Fulfillment", Any], Any]
    fulfillment_created: Callable[["Fulfillment", bool, Any], Any]
    notify: Callable[[str, Callable[[], dict], Any], Any]
    order_bulk_created: Callable[[list["Order"], Any], Any]
    order_cancelled: Callable[["Order", Any, None], Any]
    order_confirmed: Callable[["Order", Any, None], Any]
    order_created: Callable[["Order", Any, None], Any]
    order_expired: Callable[["Order", Any, None], Any]
    order_fulfilled: Callable[["Order", Any, None], Any]
    order_fully_paid: Callable[["Order", Any, None], Any]
    order_fully_refunded: Callable[["Order", Any, None], Any]
    order_metadata_updated: Callable[["Order", Any, None], Any]
    order_paid: Callable[["Order", Any, None], Any]
    order_refunded: Callable[["Order", Any, None], Any]
    order_updated: Callable[["Order", Any, None], Any]
    product_created: Callable[["Product", Any, None], Any]
    product_deleted: Callable[["Product", list[int], Any, None], Any]
    product_metadata_updated: Callable[["Product", Any], Any]
    product_updated: Callable[["Product", Any, None], Any]
    product_variant_created: Callable[["ProductVariant", Any, None], Any]
    product_variant_deleted: Callable[["ProductVariant", Any, None], Any]
    product_variant_updated: Callable[["ProductVariant", Any, None], Any]
    tracking_number_updated: Callable[["Fulfillment", Any], Any]
    voucher_codes_created: Callable[[list["VoucherCode"], None, None], None]
    voucher_codes_deleted: Callable[[list["VoucherCode"], None, None], None]
    voucher_created: Callable[["Voucher", str, None], None]
    voucher_deleted: Callable[["Voucher", str, None, None], None]
    voucher_metadata_updated: Callable[["Voucher", None], None]
    voucher_updated: Callable[["Voucher", str, None], None]
    webhook: Callable[["HttpRequest", str, None], "HttpResponse"]

    def __init__(
        self,
        *,
        configuration: PluginConfigurationType,
        active: bool,
        channel: Optional["Channel"] = None,
        requestor_getter: Callable[[], Any] | None = None,
        db_config: PluginConfiguration | None = None,
        allow_replica: bool = True,
    ) -> None:
        self.configuration = self.get_plugin_configuration(configuration)
        self.active = active
        self.channel = channel
        self.requestor = SimpleLazyObject(requestor_getter) if requestor_getter else None
        self.db_config = db_config
        self.allow_replica = allow_replica

    def __del__(self) -> None:
        # As in Saleor: whoever keeps the list finds it empty once the plugin is gone.
        self.channel = None
        self.db_config = None
        self.requestor = None
        self.configuration.clear()

    def __str__(self) -> str:
        return self.PLUGIN_NAME

    @classmethod
    def check_plugin_id(cls, plugin_id: str) -> bool:
        return plugin_id == cls.PLUGIN_ID

    @classmethod
    def get_default_active(cls) -> bool:
        return cls.DEFAULT_ACTIVE

    def get_plugin_configuration(self, configuration: PluginConfigurationType) -> PluginConfigurationType:
        """The stored fields that still exist, then the defaults of those never stored, each with its description."""
        complete = self._update_configuration_structure(configuration or [])
        self._append_config_structure(complete)
        return complete

    def resolve_plugin_configuration(self, request: Any) -> PluginConfigurationType:
        return self.configuration

    @classmethod
    def validate_plugin_configuration(cls, plugin_configuration: PluginConfiguration, **kwargs: Any) -> None:
        """A subclass raises ValidationError here to refuse the settings."""

    @classmethod
    def pre_save_plugin_configuration(cls, plugin_configuration: PluginConfiguration) -> None:
        """A subclass may act here, after validation and before the row is saved."""

    @classmethod
    def save_plugin_configuration(
        cls, plugin_configuration: PluginConfiguration, cleaned_data: dict
    ) -> PluginConfiguration:
        if changes := cleaned_data.get("configuration"):
            cls._update_config_items(changes, plugin_configuration.configuration)
        if "active" in cleaned_data:
            plugin_configuration.active = cleaned_data["active"]
        cls.validate_plugin_configuration(plugin_configuration)
        cls.pre_save_plugin_configuration(plugin_configuration)
        plugin_configuration.save()
        cls._append_config_structure(plugin_configuration.configuration)
        return plugin_configuration

    @classmethod
    def _update_config_items(cls, configuration_to_update: list[dict], current_config: list[dict]) -> None:
        """Write the given values into `current_config`. None leaves a field alone, "" empties it."""
        structure = cls.CONFIG_STRUCTURE or {}
        stored = {field["name"]: field for field in current_config}
        for change in configuration_to_update:
            name = change["name"]
            value = cls._clean_configuration_value(structure.get(name, {}).get("type"), change.get("value"))
            if value is None:
                continue
            if name in stored:
                stored[name]["value"] = value
            elif name in structure:
                current_config.append({"name": name, "value": value})

    @classmethod
    def _clean_configuration_value(cls, item_type: str | None, new_value: Any) -> Any:
        if item_type == ConfigurationTypeField.OUTPUT:
            return None
        if item_type == ConfigurationTypeField.BOOLEAN and new_value and not isinstance(new_value, bool):
            return new_value.lower() == "true"
        return new_value

    @classmethod
    def _update_configuration_structure(cls, configuration: PluginConfigurationType) -> PluginConfigurationType:
        wanted = cls.CONFIG_STRUCTURE or {}
        kept = [copy(field) for field in configuration if field["name"] in wanted]
        missing = wanted.keys() - {field["name"] for field in kept}
        return kept + [copy(field) for field in cls.DEFAULT_CONFIGURATION if field["name"] in missing]

    @classmethod
    def _append_config_structure(cls, configuration: PluginConfigurationType) -> None:
        wanted = cls.CONFIG_STRUCTURE or {}
        configuration[:] = [{**field, **wanted[field["name"]]} for field in configuration if field["name"] in wanted]
