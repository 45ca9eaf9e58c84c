from typing import Any

import graphene
from django.conf import settings
from django.core.exceptions import ValidationError

from .....account.error_codes import AccountErrorCode
from .....account.models import User as UserModel
from .....core.tokens import account_confirm_token_generator
from .....order.utils import match_orders_with_new_user
from ....core.doc_category import DOC_CATEGORY_USERS
from ....core.mutations import BaseMutation
from ....core.types import AccountError
from ....plugins.dataloaders import get_plugin_manager_promise
from ...types import User


class ConfirmAccount(BaseMutation):
    user = graphene.Field(User, description="Whose account it is.")

    class Arguments:
        token = graphene.String(required=True, description="The token that the e-mail brought.")
        email = graphene.String(required=True, description="The e-mail address.")
        password = graphene.String(description="The password, where confirming takes over orders of a guest.")

    class Meta:
        description = "Confirm that an e-mail address is one's own; where the shop is set so, take over its orders."
        doc_category = DOC_CATEGORY_USERS
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, token: str, email: str, password: str | None = None
    ) -> "ConfirmAccount":
        user = UserModel.objects.filter(email=email, is_active=True).first()
        if user is None or not account_confirm_token_generator.check_token(user, token):
            raise ValidationError(
                {"token": ValidationError("The token is wrong or old.", code=AccountErrorCode.INVALID.value)}
            )
        if settings.ACCOUNT_CONFIRM_ASSOCIATE_ANONYMOUS_OBJECTS:
            cls._take_over_orders(user, password)
        user.is_confirmed = True
        user.save(update_fields=["is_confirmed", "updated_at"])
        cls.call_event(get_plugin_manager_promise(info.context).get().account_confirmed, user)
        return cls(user=user)

    @classmethod
    def _take_over_orders(cls, user: UserModel, password: str | None) -> None:
        if not password:
            raise ValidationError(
                {"password": ValidationError("The password is needed.", code=AccountErrorCode.REQUIRED.value)}
            )
        if not user.check_password(password):
            raise ValidationError(
                {"password": ValidationError("The password is wrong.", code=AccountErrorCode.INVALID.value)}
            )
        match_orders_with_new_user(user)
