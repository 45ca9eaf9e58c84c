from typing import Any

import graphene
from django.db import transaction

from .....account.models import User as UserModel
from .....core.tokens import account_confirm_token_generator
from ....channel.utils import get_default_channel_slug_or_graphql_error
from ....core.doc_category import DOC_CATEGORY_USERS
from ....core.mutations import BaseMutation
from ....core.types import AccountError, BaseInputObjectType
from ....plugins.dataloaders import get_plugin_manager_promise


class AccountRegisterInput(BaseInputObjectType):
    email = graphene.String(required=True, description="The e-mail address.")
    password = graphene.String(required=True, description="The password.")
    first_name = graphene.String(description="Given name.")
    last_name = graphene.String(description="Family name.")
    redirect_url = graphene.String(description="Where the link in the e-mail leads.")
    channel = graphene.String(description="In which channel.")

    class Meta:
        doc_category = DOC_CATEGORY_USERS


class AccountRegister(BaseMutation):
    requires_confirmation = graphene.Boolean(description="Whether the e-mail must be confirmed first.")

    class Arguments:
        input = AccountRegisterInput(required=True, description="Who registers.")

    class Meta:
        description = "Make an account. Whether the e-mail address has one already is not told."
        doc_category = DOC_CATEGORY_USERS
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, input: dict[str, Any]) -> "AccountRegister":
        channel = input.pop("channel", None) or get_default_channel_slug_or_graphql_error()
        redirect_url = input.pop("redirect_url", None)
        email = input.pop("email").lower()
        if not UserModel.objects.filter(email=email).exists():
            with transaction.atomic():
                user = UserModel.objects.create_user(email, is_confirmed=False, **input)
                manager = get_plugin_manager_promise(info.context).get()
                token = account_confirm_token_generator.make_token(user)
                cls.call_event(manager.account_confirmation_requested, user, channel, token, redirect_url)
                cls.call_event(manager.customer_created, user)
        return cls(requires_confirmation=True)
