from typing import Any

import graphene
from graphene import relay

from ...payment import models
from ..core.scalars import UUID, DateTime
from ..core.types import ModelObjectType, Money, NonNullList
from .enums import TransactionActionEnum


class TransactionItem(ModelObjectType[models.TransactionItem]):
    id = graphene.GlobalID(required=True, description="The id.")
    token = UUID(required=True, description="The id, bare.")
    name = graphene.String(required=True, description="What it is called.")
    message = graphene.String(required=True, description="What was said about it.")
    psp_reference = graphene.String(required=True, description="What the payment provider calls it.")
    actions = NonNullList(TransactionActionEnum, required=True, description="What can be done with it.")
    created_at = DateTime(required=True, description="When it was made.")
    modified_at = DateTime(required=True, description="When it last changed.")
    authorized_amount = graphene.Field(Money, required=True, description="How much is set aside.")
    charged_amount = graphene.Field(Money, required=True, description="How much is charged.")
    refunded_amount = graphene.Field(Money, required=True, description="How much was given back.")
    canceled_amount = graphene.Field(Money, required=True, description="How much was let go.")

    class Meta:
        description = "A payment, as an app or staff report it."
        model = models.TransactionItem
        interfaces = [relay.Node]

    @staticmethod
    def resolve_id(root: models.TransactionItem, _info: Any) -> Any:
        return root.token

    @staticmethod
    def resolve_psp_reference(root: models.TransactionItem, _info: Any) -> str:
        return root.psp_reference or ""

    @staticmethod
    def resolve_actions(root: models.TransactionItem, _info: Any) -> list[str]:
        return root.available_actions

    @staticmethod
    def resolve_authorized_amount(root: models.TransactionItem, _info: Any) -> Any:
        return root.amount_authorized

    @staticmethod
    def resolve_charged_amount(root: models.TransactionItem, _info: Any) -> Any:
        return root.amount_charged

    @staticmethod
    def resolve_refunded_amount(root: models.TransactionItem, _info: Any) -> Any:
        return root.amount_refunded

    @staticmethod
    def resolve_canceled_amount(root: models.TransactionItem, _info: Any) -> Any:
        return root.amount_canceled
