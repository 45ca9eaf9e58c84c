from collections.abc import Callable
from typing import Any

import graphene
from django.utils import timezone
from graphene import relay
from promise import Promise

from ...checkout import models
from ...checkout.calculations import fetch_checkout_data
from ...core.db.connection import allow_writer_in_context
from ...core.exceptions import PermissionDenied
from ...core.taxes import zero_money
from ...permission.auth_filters import AuthorizationFilters
from ...permission.enums import AccountPermissions, CheckoutPermissions, PaymentPermissions
from ...permission.utils import has_one_of_permissions
from ..account.dataloaders import UserByUserIdLoader
from ..account.types import User
from ..channel.dataloaders.by_self import ChannelByIdLoader
from ..channel.types import Channel
from ..core.connection import CountableConnection
from ..core.context import ChannelContext, SyncWebhookControlContext, get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_CHECKOUT
from ..core.scalars import UUID, DateTime
from ..core.types import ModelObjectType, Money, NonNullList, TaxedMoney
from ..core.types.sync_webhook_control import (
    SyncWebhookControlContextModelObjectType,
    SyncWebhookControlContextObjectType,
)
from ..plugins.dataloaders import get_plugin_manager_promise
from ..product.types.products import ProductVariant
from ..utils import get_user_or_app_from_context
from .dataloaders.checkout_infos import (
    CheckoutInfoByCheckoutTokenLoader,
    CheckoutLinesInfoByCheckoutTokenLoader,
)
from .enums import CheckoutAuthorizeStatusEnum, CheckoutChargeStatusEnum

_MAY_SEE_ANY_CHECKOUT = [
    AccountPermissions.MANAGE_USERS,
    PaymentPermissions.HANDLE_PAYMENTS,
    CheckoutPermissions.MANAGE_CHECKOUTS,
]


def _with_fresh_prices(checkout_pk: Any, info: Any, read: Callable[[Any, list], Any]) -> Promise:
    """Give `read` the checkout and its lines when their prices are those of now."""
    loaded = Promise.all(
        [
            CheckoutInfoByCheckoutTokenLoader(info.context).load(checkout_pk),
            CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(checkout_pk),
            get_plugin_manager_promise(info.context),
        ]
    )

    def fetch(values: tuple) -> Any:
        checkout_info, lines, manager = values
        database = get_database_connection_name(info.context)
        with allow_writer_in_context(info.context):
            checkout_info, lines = fetch_checkout_data(checkout_info, manager, lines, database_connection_name=database)
        return read(checkout_info.checkout, lines)

    return loaded.then(fetch)


class CheckoutLine(SyncWebhookControlContextModelObjectType[ModelObjectType[models.CheckoutLine]]):
    id = graphene.GlobalID(required=True, description="The id.")
    variant = graphene.Field(ProductVariant, required=True, description="What it is.")
    quantity = graphene.Int(required=True, description="How many.")
    is_gift = graphene.Boolean(description="Whether the shop gives it away.")
    unit_price = graphene.Field(TaxedMoney, required=True, description="What one costs.")
    total_price = graphene.Field(TaxedMoney, required=True, description="What all cost, after discounts.")
    undiscounted_unit_price = graphene.Field(Money, required=True, description="What one would cost without discounts.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "A line of a checkout."
        model = models.CheckoutLine
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk

    @staticmethod
    def resolve_variant(root: SyncWebhookControlContext, info: Any) -> Promise:
        loaded = CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(root.node.checkout_id)

        def variant(lines: list) -> ChannelContext:
            line = next(line for line in lines if line.line.pk == root.node.pk)
            return ChannelContext(line.variant, line.channel.slug)

        return loaded.then(variant)

    @staticmethod
    def resolve_unit_price(root: SyncWebhookControlContext, info: Any) -> Promise:
        total = CheckoutLine.resolve_total_price(root, info)
        return total.then(lambda price: price / root.node.quantity)

    @staticmethod
    def resolve_total_price(root: SyncWebhookControlContext, info: Any) -> Promise:
        def total(_checkout: models.Checkout, lines: list) -> Any:
            return next(line.line.total_price for line in lines if line.line.pk == root.node.pk)

        return _with_fresh_prices(root.node.checkout_id, info, total)


class Checkout(SyncWebhookControlContextModelObjectType[models.Checkout]):
    id = graphene.GlobalID(required=True, description="The id.")
    token = UUID(required=True, description="The id, bare.")
    created = DateTime(required=True, description="When it was made.")
    updated_at = DateTime(required=True, description="When it last changed.")
    email = graphene.String(description="The e-mail address of the buyer.")
    user = graphene.Field(User, description="The buyer, if logged in.")
    channel = graphene.Field(Channel, required=True, description="Where it is.")
    lines = NonNullList(CheckoutLine, required=True, description="What is in it.")
    quantity = graphene.Int(required=True, description="How many items are in it.")
    voucher_code = graphene.String(description="The code of its voucher.")
    discount = graphene.Field(Money, description="How much the voucher takes off.")
    discount_name = graphene.String(description="What the voucher is called.")
    subtotal_price = graphene.Field(TaxedMoney, required=True, description="What its lines cost.")
    shipping_price = graphene.Field(TaxedMoney, required=True, description="What sending costs.")
    total_price = graphene.Field(TaxedMoney, required=True, description="What is to be paid.")
    charge_status = CheckoutChargeStatusEnum(required=True, description="How far it is paid.")
    authorize_status = CheckoutAuthorizeStatusEnum(required=True, description="How far it is covered.")

    class Meta:
        default_resolver = SyncWebhookControlContextObjectType.resolver_with_context
        description = "What somebody is about to buy."
        model = models.Checkout
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.pk

    @staticmethod
    def resolve_created(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.created_at

    @staticmethod
    def resolve_updated_at(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.last_change

    @staticmethod
    def resolve_email(root: SyncWebhookControlContext, _info: Any) -> str | None:
        return root.node.get_customer_email()

    @staticmethod
    def resolve_user(root: SyncWebhookControlContext, info: Any) -> Promise | None:
        if not root.node.user_id:
            return None
        requestor = get_user_or_app_from_context(info.context)
        owns = requestor and not info.context.app and requestor.pk == root.node.user_id
        if not owns and not (requestor and has_one_of_permissions(requestor, _MAY_SEE_ANY_CHECKOUT)):
            raise PermissionDenied(permissions=[*_MAY_SEE_ANY_CHECKOUT, AuthorizationFilters.OWNER])
        return UserByUserIdLoader(info.context).load(root.node.user_id)

    @staticmethod
    def resolve_channel(root: SyncWebhookControlContext, info: Any) -> Promise:
        return ChannelByIdLoader(info.context).load(root.node.channel_id)

    @staticmethod
    def resolve_lines(root: SyncWebhookControlContext, info: Any) -> Promise:
        loaded = CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(root.node.pk)
        return loaded.then(lambda lines: [SyncWebhookControlContext(line.line) for line in lines])

    @staticmethod
    def resolve_quantity(root: SyncWebhookControlContext, info: Any) -> Promise:
        loaded = CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(root.node.pk)
        return loaded.then(lambda lines: sum(line.line.quantity for line in lines))

    @staticmethod
    def resolve_subtotal_price(root: SyncWebhookControlContext, info: Any) -> Promise:
        return _with_fresh_prices(root.node.pk, info, lambda checkout, _lines: checkout.subtotal)

    @staticmethod
    def resolve_total_price(root: SyncWebhookControlContext, info: Any) -> Promise:
        def left_to_pay(checkout: models.Checkout, _lines: list) -> Any:
            total = checkout.total
            database = get_database_connection_name(info.context)
            with allow_writer_in_context(info.context):
                cards = list(checkout.gift_cards.using(database).active(timezone.now().date()))
            for card in cards:
                total -= min(card.current_balance, total.gross)
            return total

        return _with_fresh_prices(root.node.pk, info, left_to_pay)

    @staticmethod
    def resolve_discount(root: SyncWebhookControlContext, _info: Any) -> Any:
        return root.node.discount or zero_money(root.node.currency)


class CheckoutCountableConnection(CountableConnection):
    class Meta:
        doc_category = DOC_CATEGORY_CHECKOUT
        node = Checkout
