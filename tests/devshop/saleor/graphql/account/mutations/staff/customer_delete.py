from typing import Any

import graphene
from django.core.exceptions import ValidationError

from .....account.error_codes import AccountErrorCode
from .....permission.enums import AccountPermissions
from ....core.doc_category import DOC_CATEGORY_USERS
from ....core.mutations import BaseMutation
from ....core.types import AccountError
from ....plugins.dataloaders import get_plugin_manager_promise
from ...types import User


class CustomerDelete(BaseMutation):
    user = graphene.Field(User, description="Who is gone.")

    class Arguments:
        id = graphene.ID(description="Which customer.")

    class Meta:
        description = "Delete a customer. Their orders stay, without them."
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str | None = None) -> "CustomerDelete":
        user = cls.get_node_or_error(info, id, only_type=User)
        if user.is_superuser:
            raise _refusal("This account stays.", AccountErrorCode.DELETE_SUPERUSER_ACCOUNT)
        if user.is_staff:
            raise _refusal("This is no customer.", AccountErrorCode.DELETE_STAFF_ACCOUNT)
        pk = user.pk
        user.delete()
        user.pk = pk
        cls.call_event(get_plugin_manager_promise(info.context).get().customer_deleted, user)
        return cls(user=user)


def _refusal(message: str, code: AccountErrorCode) -> ValidationError:
    return ValidationError({"id": ValidationError(message, code=code.value)})
