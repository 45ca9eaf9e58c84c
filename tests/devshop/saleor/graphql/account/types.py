from typing import Any

import graphene
from graphene import relay

from ...account import models
from ...checkout.models import Checkout
from ...core.exceptions import PermissionDenied
from ...order.models import Order
from ...permission.auth_filters import AuthorizationFilters
from ...permission.enums import AccountPermissions, OrderPermissions
from ..core.connection import (
    create_connection_slice_for_sync_webhook_control_context,
)
from ..core.context import get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_USERS
from ..core.federation import federated_entity
from ..core.fields import ConnectionField, PermissionsField
from ..core.scalars import DateTime
from ..core.types import BaseInputObjectType, ModelObjectType, SecureGlobalID
from ..core.utils import from_global_id_or_none
from ..utils import get_user_or_app_from_context
from .enums import CountryCodeEnum


class AddressInput(BaseInputObjectType):
    first_name = graphene.String(description="Given name.")
    last_name = graphene.String(description="Family name.")
    company_name = graphene.String(description="Company.")
    street_address_1 = graphene.String(description="Street and number.")
    street_address_2 = graphene.String(description="More of the street.")
    city = graphene.String(description="City.")
    postal_code = graphene.String(description="Postal code.")
    country = CountryCodeEnum(description="Country.")
    country_area = graphene.String(description="State or province.")
    phone = graphene.String(description="Phone number.")

    class Meta:
        description = "Where something is sent to, or billed to."
        doc_category = DOC_CATEGORY_USERS


@federated_entity("id")
@federated_entity("email")
class User(ModelObjectType[models.User]):
    id = SecureGlobalID(required=True, description="The id.")
    email = graphene.String(required=True, description="The e-mail address.")
    first_name = graphene.String(required=True, description="Given name.")
    last_name = graphene.String(required=True, description="Family name.")
    is_staff = graphene.Boolean(required=True, description="Whether they work for the shop.")
    is_active = graphene.Boolean(required=True, description="Whether they may log in.")
    is_confirmed = graphene.Boolean(required=True, description="Whether the e-mail is theirs for certain.")
    date_joined = DateTime(required=True, description="When the account was made.")
    updated_at = DateTime(required=True, description="When it last changed.")
    last_login = DateTime(description="When they last logged in.")
    external_reference = graphene.String(description="Their id in another system.")
    note = PermissionsField(
        graphene.String,
        description="What staff wrote about them.",
        permissions=[AccountPermissions.MANAGE_USERS, AccountPermissions.MANAGE_STAFF],
    )
    checkouts = ConnectionField(
        "saleor.graphql.checkout.types.CheckoutCountableConnection",
        channel=graphene.String(description="Only those of this channel."),
        description="What they have not ordered yet.",
    )
    orders = ConnectionField("saleor.graphql.order.types.OrderCountableConnection", description="What they ordered.")

    class Meta:
        description = "A customer, or somebody of the shop."
        model = models.User
        interfaces = [relay.Node]

    @staticmethod
    def resolve_checkouts(root: models.User, info: Any, *, channel: str | None = None, **kwargs: Any) -> Any:
        from ..checkout.types import CheckoutCountableConnection

        checkouts = Checkout.objects.using(get_database_connection_name(info.context)).filter(user=root.pk)
        if channel:
            checkouts = checkouts.filter(channel__slug=channel)
        return create_connection_slice_for_sync_webhook_control_context(
            checkouts, info, kwargs, CheckoutCountableConnection, allow_sync_webhooks=False
        )

    @staticmethod
    def resolve_orders(root: models.User, info: Any, **kwargs: Any) -> Any:
        from ..order.types import OrderCountableConnection

        requestor = get_user_or_app_from_context(info.context)
        if requestor != root and not (requestor and requestor.has_perm(OrderPermissions.MANAGE_ORDERS)):
            raise PermissionDenied(permissions=[AuthorizationFilters.OWNER, OrderPermissions.MANAGE_ORDERS])
        orders = Order.objects.using(get_database_connection_name(info.context)).non_draft()
        return create_connection_slice_for_sync_webhook_control_context(
            orders.filter(user=root.pk), info, kwargs, OrderCountableConnection, allow_sync_webhooks=False
        )

    @staticmethod
    def __resolve_references(roots: list["User"], info: Any) -> list[models.User | None]:
        from .resolvers import _users_by_permission

        visible = _users_by_permission(info)
        found = []
        for root in roots:
            key = from_global_id_or_none(root.id, User) if root.id else None
            lookup = {"pk": key} if key else {"email": root.email}
            found.append(visible.filter(**lookup).first())
        return found
