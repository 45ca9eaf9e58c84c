from typing import Any

import graphene

from ...account import models
from ...permission.enums import AccountPermissions, OrderPermissions
from ..core.doc_category import DOC_CATEGORY_USERS
from ..core.fields import BaseField, PermissionsField
from ..core.validators import validate_one_of_args_is_in_query
from .mutations.account.account_delete import AccountDelete
from .mutations.account.account_register import AccountRegister
from .mutations.account.confirm_account import ConfirmAccount
from .mutations.authentication.create_token import CreateToken
from .mutations.staff.customer_create import CustomerCreate
from .mutations.staff.customer_delete import CustomerDelete
from .mutations.staff.customer_update import CustomerUpdate
from .resolvers import resolve_user
from .types import User


class AccountQueries(graphene.ObjectType):
    me = BaseField(User, description="Who asks, if logged in.", doc_category=DOC_CATEGORY_USERS)
    user = PermissionsField(
        User,
        id=graphene.Argument(graphene.ID, description="By id."),
        email=graphene.String(description="By e-mail address."),
        external_reference=graphene.Argument(graphene.String, description="By id in another system."),
        permissions=[
            AccountPermissions.MANAGE_STAFF,
            AccountPermissions.MANAGE_USERS,
            OrderPermissions.MANAGE_ORDERS,
        ],
        description="One customer, or somebody of the shop.",
        doc_category=DOC_CATEGORY_USERS,
    )

    @staticmethod
    def resolve_me(_root: Any, info: Any) -> models.User | None:
        user = info.context.user
        return user if user else None

    @staticmethod
    def resolve_user(
        _root: Any,
        info: Any,
        *,
        id: str | None = None,
        email: str | None = None,
        external_reference: str | None = None,
    ) -> models.User | None:
        validate_one_of_args_is_in_query("id", id, "email", email, "external_reference", external_reference)
        return resolve_user(info, id, email, external_reference)


class AccountMutations(graphene.ObjectType):
    token_create = CreateToken.Field()
    account_register = AccountRegister.Field()
    confirm_account = ConfirmAccount.Field()
    account_delete = AccountDelete.Field()
    customer_create = CustomerCreate.Field()
    customer_update = CustomerUpdate.Field()
    customer_delete = CustomerDelete.Field()
