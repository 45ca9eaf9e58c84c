import graphene
from graphene import relay

from ...channel import models
from ..core.types import ModelObjectType


class Channel(ModelObjectType[models.Channel]):
    id = graphene.GlobalID(required=True, description="The id.")
    name = graphene.String(required=True, description="What staff call it.")
    slug = graphene.String(required=True, description="What requests call it.")
    is_active = graphene.Boolean(required=True, description="Whether it sells.")
    currency_code = graphene.String(required=True, description="Three letters, as in ISO 4217.")

    class Meta:
        description = "A market: what it sells, at which prices, in which currency."
        model = models.Channel
        interfaces = [relay.Node]
