"""Global ids of arguments, as primary keys."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from graphql import GraphQLError
from saleor.graphql.core.utils import from_global_id_or_error

from saleor_crm_plugin.fields import BIGINT_MAX

# As many as the largest key in the database has.
_MAX_DIGITS: Final = 19


def primary_key(written: str) -> int:
    """
    Raises:
        ValueError: not a key that the database could have.
    """
    if not written.isdecimal() or len(written) > _MAX_DIGITS or int(written) > BIGINT_MAX:
        raise ValueError(written)
    return int(written)


def integer_key(global_id: str, type_name: str) -> int:
    """
    Raises:
        GraphQLError: not an id of this type.
    """
    key = from_global_id_or_error(global_id, type_name, raise_error=True)[1]
    try:
        return primary_key(key)
    except ValueError as error:
        raise GraphQLError(f"This is not the ID of a {type_name}: {global_id}") from error


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
