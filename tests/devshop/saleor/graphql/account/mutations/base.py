from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....account.error_codes import AccountErrorCode
from ....account.models import Address, User
from ...core.doc_category import DOC_CATEGORY_USERS
from ...core.types import BaseInputObjectType
from ..types import AddressInput


class CustomerInput(BaseInputObjectType):
    email = graphene.String(description="The e-mail address.")
    first_name = graphene.String(description="Given name.")
    last_name = graphene.String(description="Family name.")
    is_active = graphene.Boolean(description="Whether they may log in.")
    is_confirmed = graphene.Boolean(description="Whether the e-mail is theirs for certain.")
    note = graphene.String(description="What staff should know about them.")
    external_reference = graphene.String(description="Their id in another system.")
    default_billing_address = AddressInput(description="Where they are billed.")

    class Meta:
        doc_category = DOC_CATEGORY_USERS


class UserCreateInput(CustomerInput):
    channel = graphene.String(description="In which channel.")

    class Meta:
        doc_category = DOC_CATEGORY_USERS


def _save_address(data: dict[str, Any] | None) -> Address | None:
    return Address.objects.create(**data) if data else None


def _refuse_taken_email(email: str, user: User | None = None) -> None:
    others = User.objects.filter(email=email)
    if others.exclude(pk=user.pk if user else None).exists():
        raise ValidationError(
            {"email": ValidationError("Somebody has this e-mail address.", code=AccountErrorCode.UNIQUE.value)}
        )
