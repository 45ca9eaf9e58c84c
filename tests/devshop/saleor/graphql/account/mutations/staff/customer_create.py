from typing import Any

import graphene
from django.db import transaction

from .....account.models import User as UserModel
from .....permission.enums import AccountPermissions
from ....core.doc_category import DOC_CATEGORY_USERS
from ....core.mutations import BaseMutation
from ....core.types import AccountError
from ....plugins.dataloaders import get_plugin_manager_promise
from ...types import User
from ..base import UserCreateInput, _refuse_taken_email, _save_address


class CustomerCreate(BaseMutation):
    user = graphene.Field(User, description="The new customer.")

    class Arguments:
        input = UserCreateInput(required=True, description="Who it is.")

    class Meta:
        description = "Make an account for a customer. It counts as not confirmed."
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, input: dict[str, Any]) -> "CustomerCreate":
        email = (input.pop("email", None) or "").lower()
        _refuse_taken_email(email)
        input.pop("channel", None)
        input["is_confirmed"] = False
        address = _save_address(input.pop("default_billing_address", None))
        with transaction.atomic():
            user = UserModel.objects.create_user(email, default_billing_address=address, **input)
            cls.call_event(get_plugin_manager_promise(info.context).get().customer_created, user)
        return cls(user=user)
