import graphene
from graphene import relay

from ....product import models
from ...core.federation import federated_entity
from ...core.types import ModelObjectType


@federated_entity("id")
class Category(ModelObjectType[models.Category]):
    id = graphene.GlobalID(required=True, description="The id.")
    name = graphene.String(required=True, description="What shoppers call it.")
    slug = graphene.String(required=True, description="Its part of an address.")

    class Meta:
        description = "A place in the tree of products."
        model = models.Category
        interfaces = [relay.Node]
