from enum import Enum


class TransactionCreateErrorCode(Enum):
    GRAPHQL_ERROR = "graphql_error"
    INCORRECT_CURRENCY = "incorrect_currency"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    UNIQUE = "unique"


class TransactionUpdateErrorCode(Enum):
    GRAPHQL_ERROR = "graphql_error"
    INCORRECT_CURRENCY = "incorrect_currency"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    UNIQUE = "unique"
