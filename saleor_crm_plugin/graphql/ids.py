"""Global ids of arguments, as primary keys."""

from __future__ import annotations

from uuid import UUID

from graphql import GraphQLError
from saleor.graphql.core.utils import from_global_id_or_error


def integer_key(global_id: str, type_name: str) -> int:
    """
    Raises:
        GraphQLError: not an id of this type.
    """
    key = from_global_id_or_error(global_id, type_name, raise_error=True)[1]
    if not key.isdecimal():
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
