"""The two plugin classes: who they are, their settings, and one line for each hook of Saleor's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from saleor.plugins.base_plugin import BasePlugin
from saleor.plugins.error_codes import PluginErrorCode

from saleor_crm_plugin import config
from saleor_crm_plugin.ingestion import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from saleor.checkout.models import Checkout
    from saleor.plugins.models import PluginConfiguration


def _hint(handle: Callable[[Any], None]) -> Callable[..., Any]:
    """A hook that hands its object on and leaves the value of the plugins before it as it is."""

    def hook(self: BasePlugin, subject: Any, *args: Any, previous_value: Any = None, **kwargs: Any) -> Any:
        handle(subject)
        return previous_value

    return hook


class SettingsPlugin(BasePlugin):
    """A plugin whose settings are a list of `FieldSpec`: validated by field, stored and shown in that order."""

    FIELDS: tuple[config.FieldSpec, ...] = ()
    DEFAULT_ACTIVE = True

    def get_plugin_configuration(self, configuration: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return config.in_display_order(super().get_plugin_configuration(configuration), self.FIELDS)

    @classmethod
    def validate_plugin_configuration(cls, plugin_configuration: PluginConfiguration, **kwargs: Any) -> None:
        # Switching off is always possible, whatever is stored.
        if not plugin_configuration.active:
            return
        _, errors = config.read_values(plugin_configuration.configuration, cls.FIELDS)
        if errors:
            raise ValidationError(
                {
                    field: ValidationError(message, code=PluginErrorCode.INVALID.value)
                    for field, message in errors.items()
                }
            )

    @classmethod
    def pre_save_plugin_configuration(cls, plugin_configuration: PluginConfiguration) -> None:
        """Store names and values only: Saleor would store the first time what the page shows, status lines included."""
        stored = config.in_display_order(plugin_configuration.configuration, cls.FIELDS)
        computed = {field.name for field in cls.FIELDS if field.parser is None}
        plugin_configuration.configuration = [
            {"name": item["name"], "value": item.get("value")} for item in stored if item["name"] not in computed
        ]

    @classmethod
    def save_plugin_configuration(
        cls, plugin_configuration: PluginConfiguration, cleaned_data: dict[str, Any]
    ) -> PluginConfiguration:
        plugin_configuration.configuration = plugin_configuration.configuration or []
        # The first time, Saleor has just created the row: inactive, unnamed, with labels, which we never store. Left
        # so, changing a setting (or failing to) would switch off a plugin that is on by default.
        is_new = not plugin_configuration.name and any("label" in item for item in plugin_configuration.configuration)
        plugin_configuration.name = cls.PLUGIN_NAME
        if is_new:
            plugin_configuration.active = cls.DEFAULT_ACTIVE
        was_active = plugin_configuration.active
        update = cls.complete_update(
            plugin_configuration.configuration,
            cleaned_data.get("configuration") or [],
            was_active=was_active,
            is_active=cleaned_data.get("active", was_active),
        )
        try:
            return super().save_plugin_configuration(plugin_configuration, {**cleaned_data, "configuration": update})
        except ValidationError:
            if is_new:
                plugin_configuration.delete()
            raise

    @classmethod
    def complete_update(
        cls, stored: Sequence[dict[str, Any]], update: Sequence[dict[str, Any]], *, was_active: bool, is_active: bool
    ) -> Sequence[dict[str, Any]]:
        """What is saved when an admin saves `update`, of a plugin that was and will be active or not."""
        return update


class CRMPlugin(SettingsPlugin):
    PLUGIN_ID = config.CRM_PLUGIN_ID
    PLUGIN_NAME = "Customers, loyalty and recommendations"
    PLUGIN_DESCRIPTION = (
        "Builds customer profiles, loyalty points and product recommendations from the shop's orders. "
        "Points are set up in each channel, in the plugin “Loyalty points”."
    )
    # Hooks without a channel reach a per-channel plugin on no instance or on several.
    CONFIGURATION_PER_CHANNEL = False
    FIELDS = config.CRM_FIELDS
    CONFIG_STRUCTURE = config.config_structure(FIELDS)
    DEFAULT_CONFIGURATION = config.default_configuration(FIELDS)

    @classmethod
    def save_plugin_configuration(
        cls, plugin_configuration: PluginConfiguration, cleaned_data: dict[str, Any]
    ) -> PluginConfiguration:
        saved = super().save_plugin_configuration(plugin_configuration, cleaned_data)
        hooks.settings_saved()
        return saved

    def resolve_plugin_configuration(self, request: Any) -> list[dict[str, Any]]:
        # Needed for this page only, and not light.
        from saleor.core.db.connection import allow_writer_in_context
        from saleor.graphql.core.context import get_database_connection_name

        from saleor_crm_plugin.ingestion.status import status_lines

        # The answer of a mutation is read from the writer, after Saleor has closed it again.
        with allow_writer_in_context(request):
            lines = status_lines(get_database_connection_name(request))
        return [{**item, "value": lines.get(item["name"], item["value"])} for item in self.configuration]

    def webhook(self, request: Any, path: str | None, previous_value: Any) -> Any:
        from saleor_crm_plugin.ingestion.downloads import respond

        return respond(request)

    # Whatever pays, fulfils, cancels or expires an order is announced as `order_updated` too, and a full refund as
    # `order_refunded`: `order_paid` and the like would tell nothing more. But for what is captured with the mutation
    # `paymentCapture`, of which no hook tells: reconciliation finds the order.
    order_created = _hint(hooks.order_changed)
    order_confirmed = _hint(hooks.order_changed)
    order_updated = _hint(hooks.order_changed)
    order_refunded = _hint(hooks.order_changed)
    order_metadata_updated = _hint(hooks.order_changed)
    order_bulk_created = _hint(hooks.orders_imported)

    checkout_updated = _hint(hooks.checkout_changed)

    fulfillment_created = _hint(hooks.fulfillment_changed)
    fulfillment_approved = _hint(hooks.fulfillment_changed)
    fulfillment_canceled = _hint(hooks.fulfillment_changed)

    customer_created = _hint(hooks.customer_changed)
    customer_updated = _hint(hooks.customer_changed)
    customer_metadata_updated = _hint(hooks.customer_changed)
    account_confirmed = _hint(hooks.customer_changed)
    account_email_changed = _hint(hooks.customer_changed)
    customer_deleted = _hint(hooks.customer_deleted)
    account_deleted = _hint(hooks.customer_deleted)


class LoyaltySettingsPlugin(SettingsPlugin):
    """Settings, one instance for each channel, and the one hook that depends on them."""

    PLUGIN_ID = config.LOYALTY_PLUGIN_ID
    PLUGIN_NAME = "Loyalty points"
    PLUGIN_DESCRIPTION = "How customers of a channel earn points and spend them. Nothing happens until it is filled in."
    CONFIGURATION_PER_CHANNEL = True
    FIELDS = config.LOYALTY_FIELDS
    CONFIG_STRUCTURE = config.config_structure(FIELDS)
    DEFAULT_CONFIGURATION = config.default_configuration(FIELDS)

    @classmethod
    def complete_update(
        cls, stored: Sequence[dict[str, Any]], update: Sequence[dict[str, Any]], *, was_active: bool, is_active: bool
    ) -> Sequence[dict[str, Any]]:
        return config.complete_loyalty_update(
            stored, update, timezone.now(), was_active=was_active, is_active=is_active
        )

    def checkout_updated(self, checkout: Checkout, *args: Any, previous_value: Any = None, **kwargs: Any) -> Any:
        hooks.guests_checkout_changed(checkout, self.configuration)
        return previous_value
