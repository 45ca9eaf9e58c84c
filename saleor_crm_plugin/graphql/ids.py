"""Global ids of arguments, as primary keys."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from graphql import GraphQLError
from saleor.graphql.core.utils import from_global_id_or_error

# As many as the largest key in the database has.
_MAX_DIGITS: Final = 19
_MAX_KEY: Final = 2**63 - 1


def integer_key(global_id: str, type_name: str) -> int:
    """
    Raises:
        GraphQLError: not an id of this type.
    """
    key = from_global_id_or_error(global_id, type_name, raise_error=True)[1]
    if not key.isdecimal() or len(key) > _MAX_DIGITS or int(key) > _MAX_KEY:
        raise GraphQLError(f"This is not the ID of a {type_name}: {global_id}")
    return int(key)


def uuid_key(global_id: str, type_name: str) -> UUID:
    """
    Raises:
        GraphQLError: not an id of this type.
    """
    key = from_global_id_or_error(global_id, type_name, raise_error=True)[1]
    try:
        return UUID(key)
    except ValueError as error:
        raise GraphQLError(f"This is not the ID of a {type_name}: {global_id}") from error
