from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....order.actions import cancel_order
from ....order.error_codes import OrderErrorCode
from ....permission.enums import OrderPermissions
from ...app.dataloaders import get_app_promise
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_ORDERS
from ...core.mutations import BaseMutation
from ...core.types import OrderError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Order


class OrderCancel(BaseMutation):
    order = graphene.Field(Order, description="The order.")

    class Arguments:
        id = graphene.ID(required=True, description="Which order.")

    class Meta:
        description = "Cancel an order of which nothing was sent."
        doc_category = DOC_CATEGORY_ORDERS
        permissions = (OrderPermissions.MANAGE_ORDERS,)
        error_type_class = OrderError
        error_type_field = "order_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str) -> "OrderCancel":
        order = cls.get_node_or_error(info, id, only_type=Order)
        if not order.can_cancel():
            code = OrderErrorCode.CANNOT_CANCEL_ORDER.value
            raise ValidationError({"order": ValidationError("The order cannot be cancelled.", code=code)})
        app = get_app_promise(info.context).get()
        cancel_order(order, info.context.user, app, get_plugin_manager_promise(info.context).get())
        return cls(order=SyncWebhookControlContext(order))
