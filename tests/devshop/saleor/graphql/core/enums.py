from typing import Any

import graphene

from ...account import error_codes as account_error_codes
from ...checkout import error_codes as checkout_error_codes
from ...order import error_codes as order_error_codes
from ...payment import error_codes as payment_error_codes
from ...plugins import error_codes as plugin_error_codes
from .utils import str_to_enum


class OrderDirection(graphene.Enum):
    ASC = ""
    DESC = "-"


def to_enum(enum_cls: Any, *, type_name: str | None = None, **options: Any) -> graphene.Enum:
    """A GraphQL enum from a class with CHOICES."""
    values = [(str_to_enum(code), code) for code, _name in enum_cls.CHOICES]
    return graphene.Enum(type_name or f"{enum_cls.__name__}Enum", values, **options)


AccountErrorCode = graphene.Enum.from_enum(account_error_codes.AccountErrorCode)
CheckoutErrorCode = graphene.Enum.from_enum(checkout_error_codes.CheckoutErrorCode)
OrderErrorCode = graphene.Enum.from_enum(order_error_codes.OrderErrorCode)
PluginErrorCode = graphene.Enum.from_enum(plugin_error_codes.PluginErrorCode)
TransactionCreateErrorCode = graphene.Enum.from_enum(payment_error_codes.TransactionCreateErrorCode)
TransactionUpdateErrorCode = graphene.Enum.from_enum(payment_error_codes.TransactionUpdateErrorCode)
