from typing import TYPE_CHECKING, Any
from uuid import UUID

import graphql.validation
from django.conf import settings
from django.core.exceptions import ValidationError
from graphene.utils.str_converters import to_camel_case
from graphql.error import GraphQLError

from .query_cost import cost_validator

if TYPE_CHECKING:
    from graphql.language.ast import Document
    from graphql.type import GraphQLSchema


def validate_query(
    *,
    schema: "GraphQLSchema",
    document_ast: "Document",
    variables: dict[str, Any] | None,
    cost_map: dict[str, Any] | None,
) -> tuple[int, list[GraphQLError] | None]:
    """Return what the query costs, and what is wrong with its cost."""
    rule = cost_validator(settings.GRAPHQL_QUERY_MAX_COMPLEXITY, variables=variables, cost_map=cost_map)
    errors = graphql.validation.validate(schema, document_ast, [rule])
    return rule.cost, errors or None


def validate_one_of_args_is_in_mutation(*args: Any, **kwargs: Any) -> None:
    try:
        validate_one_of_args_is_in_query(*args, **kwargs)
    except GraphQLError as error:
        raise ValidationError(str(error), code="graphql_error") from error


def validate_one_of_args_is_in_query(*args: Any, **kwargs: Any) -> None:
    """`args` are names and values in turn; exactly one value must be given."""
    names = [to_camel_case(name) if kwargs.get("use_camel_case") else name for name in args[::2]]
    given = [name for name, value in zip(names, args[1::2], strict=True) if value]
    if not given:
        raise GraphQLError(f"One of these arguments is needed: {', '.join(names)}.")
    if len(given) > 1:
        raise GraphQLError(f"Only one of these arguments may be given: {', '.join(given)}.")


def validate_if_int_or_uuid(id: str) -> None:
    try:
        int(id)
    except ValueError:
        try:
            UUID(id)
        except (AttributeError, ValueError) as error:
            raise ValidationError("The id is neither an integer nor a UUID.") from error
