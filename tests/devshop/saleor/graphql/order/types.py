from typing import Any

import graphene
from graphene import relay
from prices import Money as MoneyValue
from promise import Promise

from ...account.models import User as UserModel
from ...core.db.connection import allow_writer_in_context
from ...core.exceptions import PermissionDenied
from ...order import models
from ...payment import TransactionKind
from ...payment.models import Transaction
from ...permission.auth_filters import AuthorizationFilters
from ...permission.enums import AccountPermissions, OrderPermissions
from ...permission.utils import has_one_of_permissions
from ..account.dataloaders import UserByUserIdLoader
from ..account.types import User
from ..channel.dataloaders.by_self import ChannelByIdLoader
from ..channel.types import Channel
from ..core.connection import CountableConnection
from ..core.context import ChannelContext, SyncWebhookControlContext, get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_ORDERS
from ..core.federation import federated_entity, resolve_federation_references
from ..core.scalars import DateTime
from ..core.types import ModelObjectType, Money, NonNullList, TaxedMoney
from ..core.types.sync_webhook_control import (
    SyncWebhookControlContextModelObjectType,
    SyncWebhookControlContextObjectType,
)
from ..product.dataloaders import ProductVariantByIdLoader
from ..product.types.products import ProductVariant
from ..utils import get_user_or_app_from_context
from .dataloaders import OrderByIdLoader, OrderLineByIdLoader, OrderLinesByOrderIdLoader
from .enums import FulfillmentStatusEnum, OrderChargeStatusEnum, OrderOriginEnum, OrderStatusEnum

_MAY_SEE_ANY_ORDER = [OrderPermissions.MANAGE_ORDERS, AccountPermissions.MANAGE_USERS]


class OrderLine(SyncWebhookControlContextModelObjectType[ModelObjectType[models.OrderLine]]):
    id = graphene.GlobalID(required=True, description="The id.")
    product_name = graphene.String(required=True, description="What the product was called then.")
    variant_name = graphene.String(required=True, description="What the variant was called then.")
    product_sku = graphene.String(description="The article number then.")
    quantity = graphene.Int(required=True, description="How many were ordered.")
    quantity_fulfilled = graphene.Int(required=True, description="How many were sent.")
    quantity_to_fulfill = graphene.Int(required=True, description="How many are still to be sent.")
    unit_price = graphene.Field(TaxedMoney, required=True, description="What one costs.")
    total_price = graphene.Field(TaxedMoney, required=True, description="What all cost.")
    undiscounted_total_price = graphene.Field(
        TaxedMoney, required=True, description="What all would cost without discounts."
    )
    variant = graphene.Field(ProductVariant, description="The variant, if there still is one.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "A line of an order."
        model = models.OrderLine
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk

    @staticmethod
    def resolve_quantity_to_fulfill(root: SyncWebhookControlContext, _info: Any) -> int:
        return root.node.quantity_unfulfilled

    @staticmethod
    def resolve_variant(root: SyncWebhookControlContext, info: Any) -> Promise | None:
        if not root.node.variant_id:
            return None

        def in_channel(loaded: tuple[Any, Any]) -> Promise:
            variant, order = loaded
            channel = ChannelByIdLoader(info.context).load(order.channel_id)
            return channel.then(lambda channel: ChannelContext(variant, channel.slug))

        variant = ProductVariantByIdLoader(info.context).load(root.node.variant_id)
        order = OrderByIdLoader(info.context).load(root.node.order_id)
        return Promise.all([variant, order]).then(in_channel)


class FulfillmentLine(SyncWebhookControlContextModelObjectType[ModelObjectType[models.FulfillmentLine]]):
    id = graphene.GlobalID(required=True, description="The id.")
    quantity = graphene.Int(required=True, description="How many.")
    order_line = graphene.Field(OrderLine, description="Of which line of the order.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "A line of a fulfilment."
        model = models.FulfillmentLine
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk

    @staticmethod
    def resolve_order_line(root: SyncWebhookControlContext, info: Any) -> Promise:
        loaded = OrderLineByIdLoader(info.context).load(root.node.order_line_id)
        return loaded.then(SyncWebhookControlContext)


class Fulfillment(SyncWebhookControlContextModelObjectType[ModelObjectType[models.Fulfillment]]):
    id = graphene.GlobalID(required=True, description="The id.")
    fulfillment_order = graphene.Int(required=True, description="Its number within the order.")
    status = FulfillmentStatusEnum(required=True, description="What became of it.")
    tracking_number = graphene.String(required=True, description="The number of the parcel.")
    created = DateTime(required=True, description="When it was made.")
    lines = NonNullList(FulfillmentLine, description="What is in it.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "A part of an order that was sent, returned or refunded."
        model = models.Fulfillment
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk

    @staticmethod
    def resolve_created(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.created_at

    @staticmethod
    def resolve_lines(root: SyncWebhookControlContext, info: Any) -> list[SyncWebhookControlContext]:
        return _related(root.node.lines, info)


class OrderGrantedRefund(SyncWebhookControlContextModelObjectType[ModelObjectType[models.OrderGrantedRefund]]):
    id = graphene.GlobalID(required=True, description="The id.")
    amount = graphene.Field(Money, required=True, description="How much is promised.")
    reason = graphene.String(description="Why.")
    shipping_costs_included = graphene.Boolean(required=True, description="Whether shipping is in it.")
    created_at = DateTime(required=True, description="When it was promised.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "Money that staff promised to give back."
        model = models.OrderGrantedRefund

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk


@federated_entity("id")
class Order(SyncWebhookControlContextModelObjectType[ModelObjectType[models.Order]]):
    id = graphene.GlobalID(required=True, description="The id.")
    number = graphene.String(required=True, description="What people call it.")
    created = DateTime(required=True, description="When it was placed.")
    updated_at = DateTime(required=True, description="When it last changed.")
    status = OrderStatusEnum(required=True, description="How far it is.")
    charge_status = OrderChargeStatusEnum(required=True, description="How far it is paid.")
    origin = OrderOriginEnum(required=True, description="Where it came from.")
    is_paid = graphene.Boolean(required=True, description="Whether all of it is paid.")
    channel = graphene.Field(Channel, required=True, description="Where it was placed.")
    user = graphene.Field(User, description="Who placed it.")
    user_email = graphene.String(description="The e-mail address it was placed with.")
    lines = NonNullList(OrderLine, required=True, description="What was ordered.")
    fulfillments = NonNullList(Fulfillment, required=True, description="What was sent and came back.")
    granted_refunds = NonNullList(OrderGrantedRefund, required=True, description="Refunds that were promised.")
    total = graphene.Field(TaxedMoney, required=True, description="What it costs.")
    subtotal = graphene.Field(TaxedMoney, required=True, description="What its lines cost.")
    shipping_price = graphene.Field(TaxedMoney, required=True, description="What sending costs.")
    undiscounted_total = graphene.Field(TaxedMoney, required=True, description="What it would cost without discounts.")
    total_charged = graphene.Field(Money, required=True, description="How much is charged.")
    total_refunded = graphene.Field(Money, required=True, description="How much was given back.")
    total_balance = graphene.Field(Money, required=True, description="Charged less due.")
    voucher_code = graphene.String(description="The code of the voucher that was used.")
    external_reference = graphene.String(description="Its id in another system.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "What somebody bought."
        model = models.Order
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk

    @staticmethod
    def resolve_number(root: SyncWebhookControlContext, _info: Any) -> str:
        return str(root.node.number)

    @staticmethod
    def resolve_created(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.created_at

    @staticmethod
    def resolve_is_paid(root: SyncWebhookControlContext, _info: Any) -> bool:
        return root.node.is_fully_paid()

    @staticmethod
    def resolve_channel(root: SyncWebhookControlContext, info: Any) -> Promise:
        return ChannelByIdLoader(info.context).load(root.node.channel_id)

    @staticmethod
    def resolve_user(root: SyncWebhookControlContext, info: Any) -> Promise | None:
        if not root.node.user_id:
            return None
        if not _is_owner_or_staff(root.node, info):
            raise PermissionDenied(permissions=[*_MAY_SEE_ANY_ORDER, AuthorizationFilters.OWNER])
        return UserByUserIdLoader(info.context).load(root.node.user_id)

    @staticmethod
    def resolve_user_email(root: SyncWebhookControlContext, info: Any) -> str | None:
        email = root.node.get_customer_email()
        if not email or _is_owner_or_staff(root.node, info):
            return email
        name, _at, domain = email.partition("@")
        return f"{name[:1]}...@{domain}"

    @staticmethod
    def resolve_lines(root: SyncWebhookControlContext, info: Any) -> Promise:
        loaded = OrderLinesByOrderIdLoader(info.context).load(root.node.pk)
        return loaded.then(lambda lines: [SyncWebhookControlContext(line) for line in lines])

    @staticmethod
    def resolve_fulfillments(root: SyncWebhookControlContext, info: Any) -> list[SyncWebhookControlContext]:
        return _related(root.node.fulfillments, info)

    @staticmethod
    def resolve_granted_refunds(root: SyncWebhookControlContext, info: Any) -> list[SyncWebhookControlContext]:
        return _related(root.node.granted_refunds, info)

    @staticmethod
    def resolve_total_refunded(root: SyncWebhookControlContext, info: Any) -> MoneyValue:
        database = get_database_connection_name(info.context)
        order = root.node
        operations = Transaction.objects.using(database).filter(
            payment__order=order.pk, kind=TransactionKind.REFUND, is_success=True
        )
        with allow_writer_in_context(info.context):
            refunded = sum(item.refunded_value for item in order.payment_transactions.using(database))
            refunded += sum(operation.amount for operation in operations)
        return MoneyValue(refunded, order.currency)

    @staticmethod
    def __resolve_references(roots: list["Order"], info: Any) -> list[SyncWebhookControlContext | None]:
        requestor = get_user_or_app_from_context(info.context)
        orders = models.Order.objects.using(get_database_connection_name(info.context))
        if not (requestor and requestor.has_perm(OrderPermissions.MANAGE_ORDERS)):
            orders = orders.filter(user=requestor) if isinstance(requestor, UserModel) else orders.none()
        found = resolve_federation_references(Order, roots, orders)
        return [SyncWebhookControlContext(order) if order else None for order in found]


def _related(manager: Any, info: Any) -> list[SyncWebhookControlContext]:
    with allow_writer_in_context(info.context):
        rows = manager.using(get_database_connection_name(info.context)).all()
        return [SyncWebhookControlContext(row) for row in rows]


def _is_owner_or_staff(order: models.Order, info: Any) -> bool:
    requestor = get_user_or_app_from_context(info.context)
    if not requestor:
        return False
    owns = isinstance(info.context.user, UserModel) and info.context.user.pk == order.user_id
    return owns or has_one_of_permissions(requestor, _MAY_SEE_ANY_ORDER)


class OrderCountableConnection(CountableConnection):
    class Meta:
        doc_category = DOC_CATEGORY_ORDERS
        node = Order
