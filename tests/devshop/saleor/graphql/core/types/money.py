import graphene
from prices import Money as MoneyValue

from ....core.prices import quantize_price


class Money(graphene.ObjectType):
    currency = graphene.String(required=True, description="Three letters, as in ISO 4217.")
    amount = graphene.Float(required=True, description="How much, in whole units of the currency.")

    class Meta:
        description = "An amount in one currency."

    @staticmethod
    def resolve_amount(root: MoneyValue, _info: object) -> object:
        return quantize_price(root.amount, root.currency)


class TaxedMoney(graphene.ObjectType):
    currency = graphene.String(required=True, description="Three letters, as in ISO 4217.")
    gross = graphene.Field(Money, required=True, description="With taxes.")
    net = graphene.Field(Money, required=True, description="Without taxes.")
    tax = graphene.Field(Money, required=True, description="The taxes.")

    class Meta:
        description = "A price with and without taxes."


class TaxedMoneyRange(graphene.ObjectType):
    start = graphene.Field(TaxedMoney, description="The lowest price.")
    stop = graphene.Field(TaxedMoney, description="The highest price.")

    class Meta:
        description = "Prices between two limits."
