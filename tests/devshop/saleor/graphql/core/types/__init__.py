from .base import BaseConnection, BaseEnum, BaseInputObjectType, BaseObjectType
from .common import (
    TYPES_WITH_DOUBLE_ID_AVAILABLE,
    AccountError,
    CheckoutError,
    Error,
    NonNullList,
    OrderError,
    PluginError,
    SecureGlobalID,
)
from .model import ModelObjectType
from .money import Money, TaxedMoney

__all__ = [
    "TYPES_WITH_DOUBLE_ID_AVAILABLE",
    "AccountError",
    "BaseConnection",
    "BaseEnum",
    "BaseInputObjectType",
    "BaseObjectType",
    "CheckoutError",
    "Error",
    "ModelObjectType",
    "Money",
    "NonNullList",
    "OrderError",
    "PluginError",
    "SecureGlobalID",
    "TaxedMoney",
]
