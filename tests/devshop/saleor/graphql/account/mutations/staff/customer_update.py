from typing import Any

import graphene
from django.db import transaction

from .....account.models import User as UserModel
from .....order.utils import match_orders_with_new_user
from .....permission.enums import AccountPermissions
from ....core.doc_category import DOC_CATEGORY_USERS
from ....core.mutations import BaseMutation
from ....core.types import AccountError
from ....plugins.dataloaders import get_plugin_manager_promise
from ...types import User
from ..base import CustomerInput, _refuse_taken_email, _save_address


class CustomerUpdate(BaseMutation):
    user = graphene.Field(User, description="The customer.")

    class Arguments:
        id = graphene.ID(description="Which customer.")
        input = CustomerInput(required=True, description="What changes.")

    class Meta:
        description = "Change a customer."
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, input: dict[str, Any], id: str | None = None
    ) -> "CustomerUpdate":
        with transaction.atomic():
            locked = UserModel.objects.select_for_update(of=("self",))
            user = cls.get_node_or_error(info, id, only_type=User, qs=locked)
            before = {name: getattr(user, name) for name in input}
            if input.get("email"):
                input["email"] = input["email"].lower()
                _refuse_taken_email(input["email"], user)
            if "default_billing_address" in input:
                input["default_billing_address"] = _save_address(input["default_billing_address"])
            changed = [name for name, value in input.items() if value != before[name]]
            if not changed:
                return cls(user=user)
            for name in changed:
                setattr(user, name, input[name])
            user.save(update_fields=[*changed, "updated_at"])
            # As in Saleor: a new or newly confirmed e-mail brings its guest orders along, without a hook for them.
            if "email" in changed or ("is_confirmed" in changed and user.is_confirmed):
                match_orders_with_new_user(user)
        cls.call_event(get_plugin_manager_promise(info.context).get().customer_updated, user)
        return cls(user=user)
