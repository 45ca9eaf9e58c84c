import graphene

from ....core.scalars import PositiveDecimal


class MoneyInput(graphene.InputObjectType):
    currency = graphene.String(required=True, description="Three letters, as in ISO 4217.")
    amount = PositiveDecimal(required=True, description="How much.")
