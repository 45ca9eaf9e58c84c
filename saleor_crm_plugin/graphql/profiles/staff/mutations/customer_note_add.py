"""`customerNoteAdd`."""

from __future__ import annotations

from typing import Any

import graphene
from django.db import transaction
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.staff.types import CustomerNote
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.graphql.profiles.whose import profile_id_of
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.notes.models import NOTE_MAX_LENGTH
from saleor_crm_plugin.profiles.notes.writing import NOTES_PER_CUSTOMER, add_note


class CustomerNoteAdd(DomainMutation):
    note = graphene.Field(CustomerNote, description="The new note.")
    customer_profile = graphene.Field(CustomerProfile, description="The customer that it is about.")

    class Arguments:
        id = graphene.ID(description="The ID of a customer profile.")
        user_id = graphene.ID(description="The ID of a user. A profile is made if the user has none.")
        email = graphene.String(description="The e-mail address of a user, or of a guest who has ordered.")
        text = graphene.String(
            required=True, description=f"What is to be kept in mind. 1 to {NOTE_MAX_LENGTH} characters."
        )

    class Meta:
        description = (
            "Writes a note about a customer, which the customer does not see. Notes are not edited: delete it and "
            f"write another. At most {NOTES_PER_CUSTOMER} about one customer." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, text: str, **whose: str | None) -> CustomerNoteAdd:
        # A profile that is made for a note which is refused then is none.
        with transaction.atomic():
            note = add_note(profile_id_of(whose), text, actor_of(info), timezone.now())
        return cls(note=note, customer_profile=models.CustomerProfile.objects.get(pk=note.profile_id))
