import logging
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Union

from django.conf import settings
from django.core.exceptions import ValidationError
from graphql.error import GraphQLError
from graphql.error import format_error as format_graphql_error
from jwt import InvalidTokenError

from ...core.exceptions import PermissionDenied
from ..core.context import SaleorContext
from ..core.utils import from_global_id_or_error

if TYPE_CHECKING:
    from ...account.models import User
    from ...app.models import App

unhandled_errors_logger = logging.getLogger("saleor.graphql.errors.unhandled")

ALLOWED_ERRORS = [GraphQLError, InvalidTokenError, PermissionDenied, ValidationError]
INTERNAL_ERROR_MESSAGE = "Internal Server Error"


def get_user_or_app_from_context(context: SaleorContext) -> Union["App", "User", None]:
    return context.app or context.user


def resolve_global_ids_to_primary_keys(
    ids: Iterable[str], graphene_type: Any = None, raise_error: bool = False
) -> tuple[Any, list[str]]:
    """All ids must be of one type: the given one, else that of the first."""
    used_type = graphene_type
    keys = []
    for global_id in ids:
        type_, key = from_global_id_or_error(global_id)
        if used_type and str(used_type) != str(type_):
            if not raise_error:
                continue
            raise GraphQLError(f"Expected the id of a {used_type}: {global_id}.")
        used_type = type_
        keys.append(key)
    return used_type, keys


def format_error(error: Exception, handled_exceptions: tuple, query: str | None = None) -> dict[str, Any]:
    """Say what went wrong, and nothing about the inside of the shop unless DEBUG is on."""
    formatted = format_graphql_error(error) if isinstance(error, GraphQLError) else {"message": str(error)}
    cause: Any = error
    while isinstance(cause, GraphQLError) and hasattr(cause, "original_error"):
        cause = cause.original_error
    if isinstance(cause, AssertionError):
        cause = GraphQLError(str(cause))
    if not isinstance(cause, handled_exceptions):
        unhandled_errors_logger.error("A resolver raised what it should not", exc_info=cause)
    if not isinstance(cause, tuple(ALLOWED_ERRORS)) and not settings.DEBUG:
        formatted["message"] = INTERNAL_ERROR_MESSAGE
    exception = {"code": type(cause).__name__}
    if settings.DEBUG:
        exception["stacktrace"] = "".join(traceback.format_exception(cause)).splitlines()
    formatted["extensions"] = {**formatted.get("extensions", {}), "exception": exception}
    return formatted
