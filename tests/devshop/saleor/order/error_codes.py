from enum import Enum


class OrderErrorCode(Enum):
    BILLING_ADDRESS_NOT_SET = "billing_address_not_set"
    CANNOT_CANCEL_ORDER = "cannot_cancel_order"
    CANNOT_FULFILL_UNPAID_ORDER = "cannot_fulfill_unpaid_order"
    CANNOT_REFUND = "cannot_refund"
    FULFILL_ORDER_LINE = "fulfill_order_line"
    GRAPHQL_ERROR = "graphql_error"
    INVALID = "invalid"
    INVALID_QUANTITY = "invalid_quantity"
    NOT_FOUND = "not_found"
    PAYMENT_ERROR = "payment_error"
    PAYMENT_MISSING = "payment_missing"
    REQUIRED = "required"
    TRANSACTION_ERROR = "transaction_error"
    UNIQUE = "unique"
    ZERO_QUANTITY = "zero_quantity"


class OrderGrantRefundCreateErrorCode(Enum):
    AMOUNT_GREATER_THAN_AVAILABLE = "amount_greater_than_available"
    GRAPHQL_ERROR = "graphql_error"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    REQUIRED = "required"
    SHIPPING_COSTS_ALREADY_GRANTED = "shipping_costs_already_granted"
