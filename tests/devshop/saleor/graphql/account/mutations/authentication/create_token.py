from typing import Any

import graphene
from django.core.exceptions import ValidationError
from django.utils import timezone

from .....account.error_codes import AccountErrorCode
from .....account.models import User as UserModel
from .....core.jwt import create_access_token
from ....core.doc_category import DOC_CATEGORY_AUTH
from ....core.mutations import BaseMutation
from ....core.types import AccountError
from ...types import User


class CreateToken(BaseMutation):
    token = graphene.String(description="What goes into the header `Authorization: Bearer …`.")
    user = graphene.Field(User, description="Whose token it is.")

    class Arguments:
        email = graphene.String(required=True, description="The e-mail address.")
        password = graphene.String(required=True, description="The password.")

    class Meta:
        description = "Log in."
        doc_category = DOC_CATEGORY_AUTH
        error_type_class = AccountError
        error_type_field = "account_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, email: str, password: str) -> "CreateToken":
        user = UserModel.objects.filter(email=email.lower(), is_active=True).first()
        if user is None or not user.check_password(password):
            code = AccountErrorCode.INVALID_CREDENTIALS.value
            raise ValidationError({"email": ValidationError("E-mail or password is wrong.", code=code)})
        info.context.user = user
        user.last_login = timezone.now()
        user.save(update_fields=["last_login", "updated_at"])
        return cls(user=user, token=create_access_token(user))
