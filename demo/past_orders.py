"""Orders of a `Journey` in the shop's tables: lines, fulfillments, and money, paid in either of Saleor's two ways."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from saleor.channel.models import Channel
from saleor.order import FulfillmentStatus, OrderAuthorizeStatus, OrderChargeStatus, OrderOrigin, OrderStatus
from saleor.order.models import Fulfillment, FulfillmentLine, Order, OrderLine
from saleor.payment import ChargeStatus, CustomPaymentChoices, TransactionEventType, TransactionKind
from saleor.payment.models import Payment, Transaction, TransactionEvent, TransactionItem

from demo.copying import Ids, Progress, copy_rows, fixed_uuids, take_numbers
from demo.journey import Journey

ORDER_NUMBERS: Final = "'order_order_number_seq'"


class PastOrders:
    """Writes the orders.

    Args:
        addresses, users: ids, by row of `journey.customers`; a user is 0 where the customer is a guest.
        variants: ids, by row of `journey.products`.
    """

    def __init__(
        self, journey: Journey, channel: Channel, addresses: Ids, users: Ids, variants: Ids, progress: Progress
    ) -> None:
        self.journey = journey
        self.channel = channel
        self.addresses = addresses
        self.users = users
        self.variants = variants
        self.progress = progress
        self.orders = journey.orders
        self.order_ids = np.array(fixed_uuids("order", self.orders["basket"]), dtype=object)
        self.emails = journey.customers["email"].to_numpy()[self.orders["customer"]]
        self.currency = {"currency": channel.currency_code}

    def write(self) -> None:
        self._write_orders()
        line_ids = self._write_lines()
        self._write_fulfillments(line_ids)
        in_new_way = self.orders["by_transaction"].to_numpy()
        paid = self.orders["paid"].to_numpy()
        self._write_payments(np.flatnonzero(paid & ~in_new_way))
        self._write_transactions(np.flatnonzero(paid & in_new_way))

    def _write_orders(self) -> None:
        orders = self.orders
        users = self.users[orders["customer"]]
        total = orders["total"] / 100
        charged = (orders["total"] - orders["refunded"]).where(orders["paid"], 0)
        charge_status = np.select(
            [charged == 0, charged < orders["total"]],
            [OrderChargeStatus.NONE, OrderChargeStatus.PARTIAL],
            OrderChargeStatus.FULL,
        )
        authorize_status = np.select(
            [charged == 0, charged < orders["total"]],
            [OrderAuthorizeStatus.NONE, OrderAuthorizeStatus.PARTIAL],
            OrderAuthorizeStatus.FULL,
        )
        line_counts = np.bincount(self.journey.lines["order"], minlength=len(orders))
        columns: dict[str, Any] = {
            "id": self.order_ids,
            "number": take_numbers(ORDER_NUMBERS, len(orders)),
            "created_at": orders["placed_at"],
            "updated_at": orders["updated_at"],
            "status": np.where(orders["canceled"], OrderStatus.CANCELED, OrderStatus.FULFILLED),
            "origin": np.where(orders["imported"], OrderOrigin.BULK_CREATE, OrderOrigin.CHECKOUT),
            "charge_status": charge_status,
            "authorize_status": authorize_status,
            "user_id": pd.Series(users).astype("Int64").where(users > 0),
            "user_email": self.emails,
            "channel_id": self.channel.pk,
            "billing_address_id": self.addresses[orders["customer"]],
            "total_charged_amount": charged / 100,
            **self.currency,
        }
        for name in ("total", "undiscounted_total", "subtotal"):
            columns |= {f"{name}_net_amount": total, f"{name}_gross_amount": total}
        if "lines_count" in {field.attname for field in Order._meta.concrete_fields}:
            columns["lines_count"] = line_counts
        copy_rows(Order, columns, self.progress)

    def _write_lines(self) -> list[str]:
        lines, products = self.journey.lines, self.journey.products
        quantity, total, undiscounted = lines["quantity"], lines["total"], lines["undiscounted"]
        number = products["number"].astype(str).to_numpy()[lines["product"]]
        baskets = self.orders["basket"].to_numpy()[lines["order"]]
        ids = fixed_uuids("line", zip(baskets, number, strict=True))
        columns = {
            "id": ids,
            "created_at": self.orders["placed_at"].to_numpy()[lines["order"]],
            "order_id": self.order_ids[lines["order"]],
            "variant_id": self.variants[lines["product"]],
            "product_name": products["name"].to_numpy()[lines["product"]],
            "product_sku": "CJ-" + pd.Series(number),
            "is_shipping_required": False,
            "is_gift_card": False,
            "quantity": quantity,
            "quantity_fulfilled": quantity.where(~self.orders["canceled"].to_numpy()[lines["order"]], 0),
            "tax_rate": 0,
            "base_unit_price_amount": _units(total / quantity),
            "undiscounted_base_unit_price_amount": _units(undiscounted / quantity),
            **self.currency,
        }
        for name, cents in (("unit_price", total / quantity), ("undiscounted_unit_price", undiscounted / quantity)):
            columns |= {f"{name}_net_amount": _units(cents), f"{name}_gross_amount": _units(cents)}
        for name, cents in (("total_price", total), ("undiscounted_total_price", undiscounted)):
            columns |= {f"{name}_net_amount": _units(cents), f"{name}_gross_amount": _units(cents)}
        copy_rows(OrderLine, columns, self.progress)
        return ids

    def _write_fulfillments(self, line_ids: list[str]) -> None:
        kept = ~self.orders["canceled"].to_numpy()
        fulfillments = np.zeros(len(self.orders), dtype=np.int64)
        sent = np.flatnonzero(kept)
        fulfillments[sent] = copy_rows(
            Fulfillment,
            {
                "order_id": self.order_ids[sent],
                "fulfillment_order": 1,
                "status": FulfillmentStatus.FULFILLED,
                "created_at": self.orders["placed_at"].iloc[sent],
            },
            self.progress,
        )
        lines = self.journey.lines
        of_sent = np.flatnonzero(kept[lines["order"]])
        copy_rows(
            FulfillmentLine,
            {
                "fulfillment_id": fulfillments[lines["order"].to_numpy()[of_sent]],
                "order_line_id": np.array(line_ids, dtype=object)[of_sent],
                "quantity": lines["quantity"].iloc[of_sent],
            },
            self.progress,
        )
        self._write_refund_marks()

    def _write_refund_marks(self) -> None:
        """As `orderRefund` leaves them: a fulfillment without lines, with the amount."""
        orders = self.orders
        refunded = orders[(orders["refunded"] > 0) & ~orders["canceled"] & ~orders["by_transaction"]]
        if refunded.empty:
            return
        copy_rows(
            Fulfillment,
            {
                "order_id": self.order_ids[refunded.index],
                "fulfillment_order": 2,
                "status": FulfillmentStatus.REFUNDED,
                "total_refund_amount": refunded["refunded"] / 100,
                "created_at": refunded["refunded_at"],
            },
            self.progress,
        )

    def _write_payments(self, of_orders: Ids) -> None:
        """Marked as paid by hand, in the older way; refunds as operations on the payment."""
        orders = self.orders.iloc[of_orders]
        captured = orders["total"] - orders["refunded"]
        payments = copy_rows(
            Payment,
            {
                "order_id": self.order_ids[of_orders],
                "gateway": CustomPaymentChoices.MANUAL,
                "is_active": captured > 0,
                "charge_status": np.select(
                    [captured == 0, captured < orders["total"]],
                    [ChargeStatus.FULLY_REFUNDED, ChargeStatus.PARTIALLY_REFUNDED],
                    ChargeStatus.FULLY_CHARGED,
                ),
                "total": orders["total"] / 100,
                "captured_amount": captured / 100,
                "billing_email": self.emails[of_orders],
                "created_at": orders["placed_at"],
                "modified_at": orders["updated_at"],
                **self.currency,
            },
            self.progress,
        )
        self._write_operations(payments, TransactionKind.EXTERNAL, orders["total"], orders["placed_at"])
        back = np.flatnonzero(orders["refunded"] > 0)
        refunds = orders.iloc[back]
        self._write_operations(payments[back], TransactionKind.REFUND, refunds["refunded"], refunds["refunded_at"])

    def _write_operations(self, payments: Ids, kind: str, cents: pd.Series, at: pd.Series) -> None:
        if not len(payments):
            return
        copy_rows(
            Transaction,
            {
                "payment_id": payments,
                "kind": kind,
                "is_success": True,
                "already_processed": True,
                "amount": cents / 100,
                "gateway_response": "{}",
                "created_at": at,
                **self.currency,
            },
            self.progress,
        )

    def _write_transactions(self, of_orders: Ids) -> None:
        """Reported by a payment app, in the newer way."""
        if not len(of_orders):
            return
        orders = self.orders.iloc[of_orders]
        items = copy_rows(
            TransactionItem,
            {
                "order_id": self.order_ids[of_orders],
                "token": fixed_uuids("transaction", orders["basket"]),
                "name": "Card",
                "psp_reference": "CJ-" + orders["basket"].astype(str),
                "available_actions": "{refund}",
                "charged_value": (orders["total"] - orders["refunded"]) / 100,
                "refunded_value": orders["refunded"] / 100,
                "created_at": orders["placed_at"],
                "modified_at": orders["updated_at"],
                **self.currency,
            },
            self.progress,
        )
        self._write_events(items, TransactionEventType.CHARGE_SUCCESS, orders["total"], orders["placed_at"])
        back = np.flatnonzero(orders["refunded"] > 0)
        refunds = orders.iloc[back]
        kind = TransactionEventType.REFUND_SUCCESS
        self._write_events(items[back], kind, refunds["refunded"], refunds["refunded_at"])

    def _write_events(self, items: Ids, kind: str, cents: pd.Series, at: pd.Series) -> None:
        if not len(items):
            return
        copy_rows(
            TransactionEvent,
            {
                "transaction_id": items,
                "type": kind,
                "amount_value": cents / 100,
                "include_in_calculations": True,
                "created_at": at,
                **self.currency,
            },
            self.progress,
        )


def _units(cents: pd.Series) -> pd.Series:
    """Cents, or fractions of one, as an amount to two places. A float prints such an amount exactly."""
    return cents.round() / 100
