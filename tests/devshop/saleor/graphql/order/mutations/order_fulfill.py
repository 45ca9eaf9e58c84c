from collections import defaultdict
from typing import Any
from uuid import UUID

import graphene
from django.core.exceptions import ValidationError

from ....order.actions import create_fulfillments
from ....order.error_codes import OrderErrorCode
from ....permission.enums import OrderPermissions
from ...app.dataloaders import get_app_promise
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_ORDERS
from ...core.mutations import BaseMutation
from ...core.types import BaseInputObjectType, NonNullList, OrderError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Fulfillment, Order, OrderLine


class OrderFulfillStockInput(BaseInputObjectType):
    quantity = graphene.Int(required=True, description="How many.")
    warehouse = graphene.ID(required=True, description="From where.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderFulfillLineInput(BaseInputObjectType):
    order_line_id = graphene.ID(description="Which line.")
    stocks = NonNullList(OrderFulfillStockInput, required=True, description="How many from where.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderFulfillInput(BaseInputObjectType):
    lines = NonNullList(OrderFulfillLineInput, required=True, description="What is sent.")
    notify_customer = graphene.Boolean(description="Whether to tell the buyer.")
    allow_stock_to_be_exceeded = graphene.Boolean(default_value=False, description="Whether to send what is not there.")
    tracking_number = graphene.String(description="The number of the parcel.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderFulfill(BaseMutation):
    order = graphene.Field(Order, description="The order.")
    fulfillments = NonNullList(Fulfillment, description="What was sent, by warehouse.")

    class Arguments:
        order = graphene.ID(description="Which order.")
        input = OrderFulfillInput(required=True, description="What is sent.")

    class Meta:
        description = "Send a paid order, or a part of it."
        doc_category = DOC_CATEGORY_ORDERS
        permissions = (OrderPermissions.MANAGE_ORDERS,)
        error_type_class = OrderError
        error_type_field = "order_errors"

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, input: dict[str, Any], order: str | None = None
    ) -> "OrderFulfill":
        instance = cls.get_node_or_error(info, order, field="order", only_type=Order)
        if not instance.is_fully_paid():
            code = OrderErrorCode.CANNOT_FULFILL_UNPAID_ORDER.value
            raise ValidationError({"order": ValidationError("The order is not paid yet.", code=code)})
        by_warehouse: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for data in input["lines"]:
            line = cls.get_node_or_error(
                info, data["order_line_id"], field="lines", only_type=OrderLine, qs=instance.lines.all()
            )
            if sum(stock["quantity"] for stock in data["stocks"]) > line.quantity_unfulfilled:
                code = OrderErrorCode.FULFILL_ORDER_LINE.value
                message = f"Only {line.quantity_unfulfilled} are left to send."
                params = {"order_lines": [data["order_line_id"]]}
                raise ValidationError({"order_line_id": ValidationError(message, code=code, params=params)})
            for stock in data["stocks"]:
                if stock["quantity"] > 0:
                    pk = cls.get_global_id_or_error(stock["warehouse"], "Warehouse", field="warehouse")
                    by_warehouse[UUID(pk)].append({"order_line": line, "quantity": stock["quantity"]})
        if not by_warehouse:
            code = OrderErrorCode.ZERO_QUANTITY.value
            raise ValidationError({"lines": ValidationError("Nothing would be sent.", code=code)})
        fulfillments = create_fulfillments(
            info.context.user,
            get_app_promise(info.context).get(),
            instance,
            dict(by_warehouse),
            get_plugin_manager_promise(info.context).get(),
            None,
            notify_customer=input.get("notify_customer", True),
            tracking_number=input.get("tracking_number") or "",
        )
        return cls(
            order=SyncWebhookControlContext(instance),
            fulfillments=[SyncWebhookControlContext(fulfillment) for fulfillment in fulfillments],
        )
