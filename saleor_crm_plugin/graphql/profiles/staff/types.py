"""Notes and consents as the API shows them."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.model import ModelObjectType
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.graphql.access import require_permission, requires
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.staff.dataloaders import ActorNameLoader
from saleor_crm_plugin.graphql.profiles.staff.enums import (
    CustomerActorTypeEnum,
    CustomerConsentPurposeEnum,
    CustomerConsentStateEnum,
)
from saleor_crm_plugin.profiles.consents import models as consents
from saleor_crm_plugin.profiles.notes import models as notes


class CustomerActor(BaseObjectType):
    type = CustomerActorTypeEnum(required=True, description="What kind of author it is.")
    name = graphene.String(
        description="Name of the person or app; a person without one has an e-mail address. Null for the system, and "
        "for who is no longer known to the shop."
    )

    class Meta:
        description = "Who wrote something down about a customer." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_name(root: Actor, info: Any) -> Any:
        return ActorNameLoader(info.context).load(root)


def _actor_of(root: Any, _info: Any) -> Actor:
    return Actor(ActorType(root.actor_type), root.actor_id)


class CustomerNote(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the note.")
    text = graphene.String(required=True, description="What is to be kept in mind about the customer.")
    created_at = DateTime(required=True, description="When it was written.")
    author = graphene.Field(CustomerActor, required=True, description="Who wrote it.")

    class Meta:
        description = "A note of staff about a customer, who does not see it." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = notes.CustomerNote
        doc_category = DOC_CATEGORY_USERS

    resolve_author = staticmethod(_actor_of)

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, notes.CustomerNote)


class CustomerNoteCountableConnection(CountableConnection):
    class Meta:
        description = "A page of notes about a customer, newest first." + ADDED_IN_010
        node = CustomerNote
        doc_category = DOC_CATEGORY_USERS


class CustomerConsent(BaseObjectType):
    purpose = CustomerConsentPurposeEnum(required=True, description="What it is about.")
    state = CustomerConsentStateEnum(required=True, description="What the customer has said.")
    source = graphene.String(required=True, description="Where it was said, in the shop's words; may be empty.")
    text_version = graphene.String(required=True, description="Which text the customer was shown; may be empty.")
    recorded_at = DateTime(required=True, description="When it was recorded.")
    recorded_by = graphene.Field(
        CustomerActor, description="Who recorded it." + requires(AccountPermissions.MANAGE_USERS)
    )

    class Meta:
        description = "What a customer has agreed to or refused." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, consents.ConsentRecord)

    @staticmethod
    def resolve_recorded_by(root: consents.ConsentRecord, info: Any) -> Actor:
        require_permission(info, AccountPermissions.MANAGE_USERS)
        return _actor_of(root, info)


class CustomerConsentCountableConnection(CountableConnection):
    class Meta:
        description = "A page of what a customer has ever agreed to or refused, newest first." + ADDED_IN_010
        node = CustomerConsent
        doc_category = DOC_CATEGORY_USERS


class CustomerTagCount(BaseObjectType):
    name = graphene.String(required=True, description="The tag.")
    customers_count = graphene.Int(required=True, description="Number of customers that have it.")

    class Meta:
        description = "A tag, and how many customers have it." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS
