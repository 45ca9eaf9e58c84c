import uuid
from typing import Any

import graphene

from ...checkout import models
from ..core.context import SyncWebhookControlContext, get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_CHECKOUT
from ..core.fields import BaseField
from ..core.scalars import UUID
from ..core.utils import from_global_id_or_error
from ..core.validators import validate_one_of_args_is_in_query
from .mutations.checkout_add_promo_code import CheckoutAddPromoCode
from .mutations.checkout_complete import CheckoutComplete
from .mutations.checkout_create import CheckoutCreate
from .mutations.checkout_customer_attach import CheckoutCustomerAttach
from .mutations.checkout_email_update import CheckoutEmailUpdate
from .mutations.checkout_lines_add import CheckoutLinesAdd
from .mutations.checkout_lines_update import CheckoutLinesUpdate
from .mutations.checkout_remove_promo_code import CheckoutRemovePromoCode
from .types import Checkout


class CheckoutQueries(graphene.ObjectType):
    checkout = BaseField(
        Checkout,
        id=graphene.Argument(graphene.ID, description="By id."),
        token=graphene.Argument(UUID, description="By the bare id."),
        description="One checkout; whoever knows the id may see it.",
        doc_category=DOC_CATEGORY_CHECKOUT,
    )

    @staticmethod
    def resolve_checkout(
        _root: Any, info: Any, *, id: str | None = None, token: uuid.UUID | None = None
    ) -> SyncWebhookControlContext | None:
        validate_one_of_args_is_in_query("id", id, "token", token)
        key = from_global_id_or_error(id, Checkout, raise_error=True)[1] if id else token
        checkouts = models.Checkout.objects.using(get_database_connection_name(info.context))
        checkout = checkouts.filter(pk=key, channel__is_active=True).first()
        return SyncWebhookControlContext(checkout) if checkout else None


class CheckoutMutations(graphene.ObjectType):
    checkout_create = CheckoutCreate.Field()
    checkout_lines_add = CheckoutLinesAdd.Field()
    checkout_lines_update = CheckoutLinesUpdate.Field()
    checkout_add_promo_code = CheckoutAddPromoCode.Field()
    checkout_remove_promo_code = CheckoutRemovePromoCode.Field()
    checkout_email_update = CheckoutEmailUpdate.Field()
    checkout_customer_attach = CheckoutCustomerAttach.Field()
    checkout_complete = CheckoutComplete.Field()
