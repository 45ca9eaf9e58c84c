from ...payment import TransactionAction
from ..core.enums import to_enum

TransactionActionEnum = to_enum(TransactionAction)
