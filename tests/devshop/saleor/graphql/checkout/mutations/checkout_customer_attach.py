import uuid
from typing import Any

import graphene

from ....core.exceptions import PermissionDenied
from ....permission.auth_filters import AuthorizationFilters
from ....permission.enums import AccountPermissions
from ...account.types import User
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_CHECKOUT
from ...core.mutations import BaseMutation
from ...core.scalars import UUID
from ...core.types import CheckoutError
from ...utils import get_user_or_app_from_context
from ..types import Checkout
from .utils import _changed, get_checkout


class CheckoutCustomerAttach(BaseMutation):
    checkout = graphene.Field(Checkout, description="The checkout.")

    class Arguments:
        id = graphene.ID(description="Which checkout.")
        token = UUID(description="Which checkout, by the bare id.")
        customer_id = graphene.ID(description="Whose it shall be; without it, one's own.")

    class Meta:
        description = "Make a guest's checkout one's own."
        doc_category = DOC_CATEGORY_CHECKOUT
        permissions = (AuthorizationFilters.AUTHENTICATED_APP, AuthorizationFilters.AUTHENTICATED_USER)
        error_type_class = CheckoutError
        error_type_field = "checkout_errors"

    @classmethod
    def perform_mutation(
        cls,
        _root: Any,
        info: Any,
        /,
        *,
        customer_id: str | None = None,
        id: str | None = None,
        token: uuid.UUID | None = None,
    ) -> "CheckoutCustomerAttach":
        checkout = get_checkout(cls, info, token=token, id=id)
        if checkout.user_id and checkout.user_id != getattr(info.context.user, "pk", None):
            raise PermissionDenied(permissions=[AuthorizationFilters.OWNER])
        customer = info.context.user
        if customer_id:
            requestor = get_user_or_app_from_context(info.context)
            if not requestor.has_perm(AccountPermissions.IMPERSONATE_USER):
                raise PermissionDenied(permissions=[AccountPermissions.IMPERSONATE_USER])
            customer = cls.get_node_or_error(info, customer_id, field="customer_id", only_type=User)
        checkout.user = customer
        checkout.email = customer.email
        checkout.save(update_fields=["email", "user", "last_change"])
        _changed(info, checkout)
        return cls(checkout=SyncWebhookControlContext(checkout))
