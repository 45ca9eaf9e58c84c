import graphene

from .mutations.transaction.transaction_create import TransactionCreate
from .mutations.transaction.transaction_update import TransactionUpdate


class PaymentMutations(graphene.ObjectType):
    transaction_create = TransactionCreate.Field()
    transaction_update = TransactionUpdate.Field()
