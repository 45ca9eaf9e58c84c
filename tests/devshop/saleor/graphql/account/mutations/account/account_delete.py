from typing import Any

import graphene
from django.core.exceptions import ValidationError

from .....account.error_codes import AccountErrorCode
from .....core.tokens import account_delete_token_generator
from .....permission.auth_filters import AuthorizationFilters
from ....core.doc_category import DOC_CATEGORY_USERS
from ....core.mutations import BaseMutation
from ....core.types import AccountError
from ....plugins.dataloaders import get_plugin_manager_promise
from ...types import User


class AccountDelete(BaseMutation):
    user = graphene.Field(User, description="Who is gone.")

    class Arguments:
        token = graphene.String(required=True, description="The token that the e-mail brought.")

    class Meta:
        description = "Delete one's own account."
        doc_category = DOC_CATEGORY_USERS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, token: str) -> "AccountDelete":
        user = info.context.user
        if user.is_staff:
            code = AccountErrorCode.DELETE_STAFF_ACCOUNT.value
            raise ValidationError("Staff cannot delete themselves.", code=code)
        if not account_delete_token_generator.check_token(user, token):
            raise ValidationError(
                {"token": ValidationError("The token is wrong or old.", code=AccountErrorCode.INVALID.value)}
            )
        pk = user.pk
        user.delete()
        user.pk = pk
        cls.call_event(get_plugin_manager_promise(info.context).get().account_deleted, user)
        return cls(user=user)
