from collections.abc import Iterable
from enum import Enum

from django.conf import settings
from django.db.models import QuerySet

from .models import Permission


class BasePermissionEnum(Enum):
    @property
    def codename(self) -> str:
        return self.value.split(".")[1]


class AccountPermissions(BasePermissionEnum):
    MANAGE_USERS = "account.manage_users"
    MANAGE_STAFF = "account.manage_staff"
    IMPERSONATE_USER = "account.impersonate_user"


class AppPermission(BasePermissionEnum):
    MANAGE_APPS = "app.manage_apps"
    MANAGE_OBSERVABILITY = "app.manage_observability"


class ChannelPermissions(BasePermissionEnum):
    MANAGE_CHANNELS = "channel.manage_channels"


class CheckoutPermissions(BasePermissionEnum):
    MANAGE_CHECKOUTS = "checkout.manage_checkouts"
    HANDLE_CHECKOUTS = "checkout.handle_checkouts"
    HANDLE_TAXES = "checkout.handle_taxes"
    MANAGE_TAXES = "checkout.manage_taxes"


class DiscountPermissions(BasePermissionEnum):
    MANAGE_DISCOUNTS = "discount.manage_discounts"


class GiftcardPermissions(BasePermissionEnum):
    MANAGE_GIFT_CARD = "giftcard.manage_gift_card"


class OrderPermissions(BasePermissionEnum):
    MANAGE_ORDERS = "order.manage_orders"
    MANAGE_ORDERS_IMPORT = "order.manage_orders_import"


class PaymentPermissions(BasePermissionEnum):
    HANDLE_PAYMENTS = "payment.handle_payments"


class PluginsPermissions(BasePermissionEnum):
    MANAGE_PLUGINS = "plugins.manage_plugins"


class ProductPermissions(BasePermissionEnum):
    MANAGE_PRODUCTS = "product.manage_products"


PERMISSIONS_ENUMS: list[type[BasePermissionEnum]] = [
    AccountPermissions,
    AppPermission,
    ChannelPermissions,
    CheckoutPermissions,
    DiscountPermissions,
    GiftcardPermissions,
    OrderPermissions,
    PaymentPermissions,
    PluginsPermissions,
    ProductPermissions,
]


def get_permissions_codename() -> list[str]:
    return [permission.codename for group in PERMISSIONS_ENUMS for permission in group]


def split_permission_codename(permissions: Iterable[str]) -> list[str]:
    return [permission.split(".")[1] for permission in permissions]


def get_permissions(
    permissions: Iterable[str] | None = None,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
) -> QuerySet[Permission]:
    codenames = get_permissions_codename() if permissions is None else split_permission_codename(permissions)
    return get_permissions_from_codenames(codenames, database_connection_name)


def get_permissions_from_codenames(
    permission_codenames: list[str],
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
) -> QuerySet[Permission]:
    known = Permission.objects.using(database_connection_name).filter(codename__in=permission_codenames)
    return known.select_related("content_type").order_by("codename")
