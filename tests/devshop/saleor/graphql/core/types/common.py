from typing import Any

import graphene

from ..doc_category import (
    DOC_CATEGORY_CHECKOUT,
    DOC_CATEGORY_ORDERS,
    DOC_CATEGORY_PAYMENTS,
    DOC_CATEGORY_USERS,
)
from ..enums import (
    AccountErrorCode,
    CheckoutErrorCode,
    OrderErrorCode,
    PluginErrorCode,
    TransactionCreateErrorCode,
    TransactionUpdateErrorCode,
)
from ..scalars import DateTime, Decimal
from .base import BaseObjectType

TYPES_WITH_DOUBLE_ID_AVAILABLE = ["Order", "OrderLine", "OrderDiscount", "CheckoutLine"]


class NonNullList(graphene.List):
    """A list without null in it."""

    def __init__(self, of_type: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(graphene.NonNull(of_type), *args, **kwargs)


class SecureGlobalID(graphene.GlobalID):
    pass


class DateTimeRangeInput(graphene.InputObjectType):
    gte = DateTime(description="From.")
    lte = DateTime(description="Up to.")


class IntRangeInput(graphene.InputObjectType):
    gte = graphene.Int(description="From.")
    lte = graphene.Int(description="Up to.")


class DecimalRangeInput(graphene.InputObjectType):
    gte = Decimal(description="From.")
    lte = Decimal(description="Up to.")


class Error(BaseObjectType):
    field = graphene.String(description="The input that is wrong; null if it is not one alone.")
    message = graphene.String(description="What is wrong, for people.")

    class Meta:
        description = "Why a mutation was refused."


class AccountError(Error):
    code = AccountErrorCode(required=True, description="What is wrong, for programs.")

    class Meta:
        description = "Why something about an account was refused."
        doc_category = DOC_CATEGORY_USERS


class CheckoutError(Error):
    code = CheckoutErrorCode(required=True, description="What is wrong, for programs.")
    variants = NonNullList(graphene.ID, description="The variants that are wrong.")
    lines = NonNullList(graphene.ID, description="The lines that are wrong.")

    class Meta:
        description = "Why something about a checkout was refused."
        doc_category = DOC_CATEGORY_CHECKOUT


class OrderError(Error):
    code = OrderErrorCode(required=True, description="What is wrong, for programs.")
    order_lines = NonNullList(graphene.ID, description="The lines that are wrong.")

    class Meta:
        description = "Why something about an order was refused."
        doc_category = DOC_CATEGORY_ORDERS


class TransactionCreateError(Error):
    code = TransactionCreateErrorCode(required=True, description="What is wrong, for programs.")

    class Meta:
        description = "Why a transaction was not created."
        doc_category = DOC_CATEGORY_PAYMENTS


class TransactionUpdateError(Error):
    code = TransactionUpdateErrorCode(required=True, description="What is wrong, for programs.")

    class Meta:
        description = "Why a transaction was not updated."
        doc_category = DOC_CATEGORY_PAYMENTS


class PluginError(Error):
    code = PluginErrorCode(required=True, description="What is wrong, for programs.")

    class Meta:
        description = "Why the settings of a plugin were refused."
