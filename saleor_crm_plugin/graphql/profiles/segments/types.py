"""Segments as the API shows them."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import ConnectionField
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType

from saleor_crm_plugin.graphql.dataloaders import ProfileByIdLoader
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.page_loaders import loaded_page
from saleor_crm_plugin.graphql.profiles.segments.dataloaders import (
    MemberCountBySegmentIdLoader,
    MembersBySegmentIdLoader,
)
from saleor_crm_plugin.profiles.segments import models
from saleor_crm_plugin.profiles.segments.looking import Explained, Preview
from saleor_crm_plugin.profiles.segments.problems import Problem

PROFILE = "saleor_crm_plugin.graphql.profiles.types.CustomerProfile"
PROFILES = "saleor_crm_plugin.graphql.profiles.types.CustomerProfileCountableConnection"


class CustomerSegment(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the segment.")
    name = graphene.String(required=True, description="What staff call it.")
    slug = graphene.String(required=True, description="Names it in rules and exports; never changes.")
    description = graphene.String(required=True, description="What it is for; empty if nobody said.")
    query = graphene.String(required=True, description="Who is in it, in the segment language.")
    created_at = DateTime(required=True, description="When the segment was made.")
    updated_at = DateTime(required=True, description="When it was last edited.")
    refreshed_at = DateTime(description="When the members were last computed in full. Null: not yet.")
    error = graphene.String(
        required=True,
        description="Why the members could not be computed the last time, and are those of the time before. "
        "Empty if they could.",
    )
    member_count = graphene.Int(required=True, description="Number of members.")
    members = ConnectionField(PROFILES, description="The members, the newest customers first.")

    class Meta:
        description = "A group of customers that a query describes, and that keeps itself up to date." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.CustomerSegment
        doc_category = DOC_CATEGORY_USERS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.CustomerSegment)

    @staticmethod
    def resolve_member_count(root: models.CustomerSegment, info: Any) -> Any:
        return MemberCountBySegmentIdLoader(info.context).load(root.pk)

    @staticmethod
    def resolve_members(root: models.CustomerSegment, info: Any, **arguments: Any) -> Any:
        from saleor_crm_plugin.graphql.profiles.types import CustomerProfileCountableConnection

        loaders = MembersBySegmentIdLoader, MemberCountBySegmentIdLoader
        return loaded_page(info, arguments, CustomerProfileCountableConnection, root.pk, *loaders)


class CustomerSegmentCountableConnection(CountableConnection):
    class Meta:
        description = "A page of segments." + ADDED_IN_010
        node = CustomerSegment
        doc_category = DOC_CATEGORY_USERS


class CustomerSegmentQueryError(BaseObjectType):
    message = graphene.String(required=True, description="All of it in one sentence.")
    line = graphene.Int(required=True, description="Line of the query, from 1.")
    column = graphene.Int(required=True, description="Character of the line, from 1.")
    found = graphene.String(required=True, description="What stands there; empty at the end of the query.")
    expected = graphene.String(required=True, description="What could stand there.")
    suggestion = graphene.String(description="The nearest word that would be right. Null if none is near.")

    class Meta:
        description = "Something that is wrong with a query, and where." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_message(root: Problem, _info: Any) -> str:
        return str(root)

    @staticmethod
    def resolve_line(root: Problem, _info: Any) -> int:
        return root.span.line

    @staticmethod
    def resolve_column(root: Problem, _info: Any) -> int:
        return root.span.column

    @staticmethod
    def resolve_suggestion(root: Problem, _info: Any) -> str | None:
        return root.suggestion or None


class CustomerSegmentPreview(BaseObjectType):
    count = graphene.Int(description="Number of customers whom the query finds. Null if it is wrong.")
    sample = NonNullList(PROFILE, required=True, description="Some of them, the oldest first.")
    errors = NonNullList(
        CustomerSegmentQueryError, required=True, description="Everything that is wrong with the query, in its order."
    )

    class Meta:
        description = "Whom a query finds, without anything being stored." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_sample(root: FoundOrWrong, info: Any) -> Any:
        return ProfileByIdLoader(info.context).load_many(root.sample)


class FoundOrWrong:
    """The root of a `CustomerSegmentPreview`."""

    def __init__(self, found: Preview | None, errors: list[Problem]) -> None:
        self.count = found.count if found else None
        self.sample = found.sample if found else []
        self.errors = errors


class CustomerSegmentCondition(BaseObjectType):
    text = graphene.String(required=True, description="The condition, as it is written in the query.")
    value = graphene.String(description="What the customer has there; several values by comma. Null if nothing.")
    holds = graphene.Boolean(required=True, description="Whether the condition is true of the customer.")
    is_negated = graphene.Boolean(
        required=True, description="Whether it stands below a NOT, so that the query wants the opposite."
    )

    class Meta:
        description = "One condition of a segment, about one customer." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_is_negated(root: Explained, _info: Any) -> bool:
        return root.is_under_not


class CustomerSegmentExplanation(BaseObjectType):
    matches = graphene.Boolean(required=True, description="Whether the customer belongs into the segment now.")
    is_customer = graphene.Boolean(
        required=True,
        description="Whether the customer can be in a segment at all: not one who refuses profiling, was erased, or "
        "was joined to another.",
    )
    conditions = NonNullList(
        CustomerSegmentCondition, required=True, description="The conditions of the query, in its order."
    )

    class Meta:
        description = "Why a customer is in a segment, or is not." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


class CustomerSegmentFieldParameter(BaseObjectType):
    name = graphene.String(required=True, description="What it is called in the query.")
    type = graphene.String(required=True, description="What it takes.")
    description = graphene.String(required=True, description="What it does.")
    is_required = graphene.Boolean(required=True, description="Whether the field needs it.")

    class Meta:
        description = "What a field of the segment language takes in parentheses." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_type(root: Any, _info: Any) -> str:
        return str(root.type.label)

    @staticmethod
    def resolve_is_required(root: Any, _info: Any) -> bool:
        return bool(root.required)


class CustomerSegmentField(BaseObjectType):
    name = graphene.String(required=True, description="What it is called in a query.")
    type = graphene.String(required=True, description="What it is compared with.")
    description = graphene.String(required=True, description="What it is.")
    operators = NonNullList(graphene.String, required=True, description="What may be asked about it.")
    stands_alone = graphene.Boolean(required=True, description="Whether it is a condition without a comparison.")
    values = NonNullList(graphene.String, required=True, description="The words that it is compared with, if few.")
    parameters = NonNullList(CustomerSegmentFieldParameter, required=True, description="What it takes in parentheses.")

    class Meta:
        description = "A field that the segment language knows." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_type(root: Any, _info: Any) -> str:
        return str(root.type.label)

    @staticmethod
    def resolve_operators(root: Any, _info: Any) -> list[str]:
        return [operator for operator in root.operators if operator]

    @staticmethod
    def resolve_stands_alone(root: Any, _info: Any) -> bool:
        return "" in root.operators

    @staticmethod
    def resolve_values(root: Any, _info: Any) -> list[str]:
        return list(getattr(root.type, "words", ()))
