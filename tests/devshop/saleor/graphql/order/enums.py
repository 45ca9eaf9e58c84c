import graphene

from ...order import FulfillmentStatus, OrderChargeStatus, OrderOrigin, OrderStatus
from ...order import error_codes as order_error_codes
from ..core.enums import to_enum

OrderStatusEnum = to_enum(OrderStatus, type_name="OrderStatus")
OrderChargeStatusEnum = to_enum(OrderChargeStatus)
OrderOriginEnum = to_enum(OrderOrigin)
FulfillmentStatusEnum = to_enum(FulfillmentStatus, type_name="FulfillmentStatus")
OrderGrantRefundCreateErrorCode = graphene.Enum.from_enum(order_error_codes.OrderGrantRefundCreateErrorCode)
