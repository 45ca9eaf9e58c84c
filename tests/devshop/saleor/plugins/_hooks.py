"""The hooks of the manager: one method for each event that the stand-in knows, in the signature that Saleor gives it.

`webhooks` is passed on where Saleor passes it. A hook for an order or a checkout reaches the plugins of its channel and
the global ones; one without a channel reaches every plugin that is loaded.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..account.models import User
    from ..channel.models import Channel
    from ..checkout.models import Checkout
    from ..discount.models import Voucher, VoucherCode
    from ..order.models import Fulfillment, Order
    from ..product.models import Category, Collection, Product, ProductVariant


class Hooks:
    _run: Callable[..., Any]
    _run_on_plugin: Callable[..., Any]
    get_plugin: Callable[..., Any]

    def order_created(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_created", order.channel.slug, order, webhooks=webhooks)

    def order_confirmed(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_confirmed", order.channel.slug, order, webhooks=webhooks)

    def order_paid(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_paid", order.channel.slug, order, webhooks=webhooks)

    def order_fully_paid(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_fully_paid", order.channel.slug, order, webhooks=webhooks)

    def order_refunded(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_refunded", order.channel.slug, order, webhooks=webhooks)

    def order_fully_refunded(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_fully_refunded", order.channel.slug, order, webhooks=webhooks)

    def order_updated(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_updated", order.channel.slug, order, webhooks=webhooks)

    def order_cancelled(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_cancelled", order.channel.slug, order, webhooks=webhooks)

    def order_expired(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_expired", order.channel.slug, order, webhooks=webhooks)

    def order_fulfilled(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_fulfilled", order.channel.slug, order, webhooks=webhooks)

    def order_metadata_updated(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("order_metadata_updated", order.channel.slug, order, webhooks=webhooks)

    def draft_order_created(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("draft_order_created", order.channel.slug, order, webhooks=webhooks)

    def draft_order_updated(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("draft_order_updated", order.channel.slug, order, webhooks=webhooks)

    def draft_order_deleted(self, order: "Order", webhooks: Any = None) -> Any:
        return self._run("draft_order_deleted", order.channel.slug, order, webhooks=webhooks)

    def order_bulk_created(self, orders: list["Order"]) -> Any:
        return self._run("order_bulk_created", None, orders)

    def fulfillment_created(self, fulfillment: "Fulfillment", notify_customer: bool | None = True) -> Any:
        slug = fulfillment.order.channel.slug
        return self._run("fulfillment_created", slug, fulfillment, notify_customer=notify_customer)

    def fulfillment_approved(self, fulfillment: "Fulfillment", notify_customer: bool | None = True) -> Any:
        slug = fulfillment.order.channel.slug
        return self._run("fulfillment_approved", slug, fulfillment, notify_customer=notify_customer)

    def fulfillment_canceled(self, fulfillment: "Fulfillment") -> Any:
        return self._run("fulfillment_canceled", fulfillment.order.channel.slug, fulfillment)

    def tracking_number_updated(self, fulfillment: "Fulfillment") -> Any:
        return self._run("tracking_number_updated", fulfillment.order.channel.slug, fulfillment)

    def checkout_created(self, checkout: "Checkout", webhooks: Any = None) -> Any:
        return self._run("checkout_created", checkout.channel.slug, checkout, webhooks=webhooks)

    def checkout_updated(self, checkout: "Checkout", webhooks: Any = None) -> Any:
        return self._run("checkout_updated", checkout.channel.slug, checkout, webhooks=webhooks)

    def checkout_fully_authorized(self, checkout: "Checkout", webhooks: Any = None) -> Any:
        return self._run("checkout_fully_authorized", checkout.channel.slug, checkout, webhooks=webhooks)

    def checkout_fully_paid(self, checkout: "Checkout", webhooks: Any = None) -> Any:
        return self._run("checkout_fully_paid", checkout.channel.slug, checkout, webhooks=webhooks)

    def checkout_metadata_updated(self, checkout: "Checkout", webhooks: Any = None) -> Any:
        return self._run("checkout_metadata_updated", checkout.channel.slug, checkout, webhooks=webhooks)

    def customer_created(self, customer: "User") -> Any:
        return self._run("customer_created", None, customer)

    def customer_updated(self, customer: "User", webhooks: Any = None) -> Any:
        return self._run("customer_updated", None, customer, webhooks=webhooks)

    def customer_deleted(self, customer: "User", webhooks: Any = None) -> Any:
        return self._run("customer_deleted", None, customer, webhooks=webhooks)

    def customer_metadata_updated(self, customer: "User", webhooks: Any = None) -> Any:
        return self._run("customer_metadata_updated", None, customer, webhooks=webhooks)

    def account_confirmed(self, user: "User") -> Any:
        return self._run("account_confirmed", None, user)

    def account_deleted(self, user: "User") -> Any:
        return self._run("account_deleted", None, user)

    def account_email_changed(self, user: "User") -> Any:
        return self._run("account_email_changed", None, user)

    def account_confirmation_requested(
        self, user: "User", channel_slug: str, token: str, redirect_url: str | None
    ) -> Any:
        return self._run(
            "account_confirmation_requested",
            channel_slug,
            user,
            channel_slug,
            token=token,
            redirect_url=redirect_url,
        )

    def product_created(self, product: "Product", webhooks: Any = None) -> Any:
        return self._run("product_created", None, product, webhooks=webhooks)

    def product_updated(self, product: "Product", webhooks: Any = None) -> Any:
        return self._run("product_updated", None, product, webhooks=webhooks)

    def product_deleted(self, product: "Product", variants: list[int], webhooks: Any = None) -> Any:
        return self._run("product_deleted", None, product, variants, webhooks=webhooks)

    def product_metadata_updated(self, product: "Product") -> Any:
        return self._run("product_metadata_updated", None, product)

    def product_variant_created(self, product_variant: "ProductVariant", webhooks: Any = None) -> Any:
        return self._run("product_variant_created", None, product_variant, webhooks=webhooks)

    def product_variant_deleted(self, product_variant: "ProductVariant", webhooks: Any = None) -> Any:
        return self._run("product_variant_deleted", None, product_variant, webhooks=webhooks)

    def category_created(self, category: "Category") -> Any:
        return self._run("category_created", None, category)

    def category_updated(self, category: "Category") -> Any:
        return self._run("category_updated", None, category)

    def category_deleted(self, category: "Category", webhooks: Any = None) -> Any:
        return self._run("category_deleted", None, category, webhooks=webhooks)

    def collection_created(self, collection: "Collection") -> Any:
        return self._run("collection_created", None, collection)

    def collection_updated(self, collection: "Collection") -> Any:
        return self._run("collection_updated", None, collection)

    def collection_deleted(self, collection: "Collection", webhooks: Any = None) -> Any:
        return self._run("collection_deleted", None, collection, webhooks=webhooks)

    def product_variant_updated(self, product_variant: "ProductVariant", webhooks: Any = None, **kwargs: Any) -> Any:
        return self._run("product_variant_updated", None, product_variant, webhooks=webhooks, **kwargs)

    def voucher_created(self, voucher: "Voucher", code: str) -> Any:
        return self._run("voucher_created", None, voucher, code)

    def voucher_updated(self, voucher: "Voucher", code: str) -> Any:
        return self._run("voucher_updated", None, voucher, code)

    def voucher_deleted(self, voucher: "Voucher", code: str, webhooks: Any = None) -> Any:
        return self._run("voucher_deleted", None, voucher, code, webhooks=webhooks)

    def voucher_metadata_updated(self, voucher: "Voucher") -> Any:
        return self._run("voucher_metadata_updated", None, voucher)

    def voucher_codes_created(self, voucher_codes: list["VoucherCode"], webhooks: Any = None) -> Any:
        return self._run("voucher_codes_created", None, voucher_codes, webhooks=webhooks)

    def voucher_codes_deleted(self, voucher_codes: list["VoucherCode"], webhooks: Any = None) -> Any:
        return self._run("voucher_codes_deleted", None, voucher_codes, webhooks=webhooks)

    def channel_created(self, channel: "Channel") -> Any:
        return self._run("channel_created", channel.slug, channel)

    def channel_updated(self, channel: "Channel", webhooks: Any = None) -> Any:
        return self._run("channel_updated", channel.slug, channel, webhooks=webhooks)

    def channel_deleted(self, channel: "Channel") -> Any:
        return self._run("channel_deleted", None, channel)

    def channel_status_changed(self, channel: "Channel") -> Any:
        return self._run("channel_status_changed", channel.slug, channel)

    def channel_metadata_updated(self, channel: "Channel") -> Any:
        return self._run("channel_metadata_updated", channel.slug, channel)

    def notify(
        self,
        event: str,
        payload_func: Callable[[], dict],
        channel_slug: str | None = None,
        plugin_id: str | None = None,
    ) -> Any:
        if plugin_id:
            plugin = self.get_plugin(plugin_id, channel_slug=channel_slug)
            return self._run_on_plugin(plugin, "notify", None, event=event, payload_func=payload_func)
        return self._run("notify", channel_slug, event, payload_func)
