"""What the mutations of all domains have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from graphql import GraphQLError
from saleor.graphql.core.mutations import BaseMutation

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CRMError, InputError
from saleor_crm_plugin.graphql.access import authenticated_user
from saleor_crm_plugin.graphql.guard import DATABASE_ERRORS, raise_explained
from saleor_crm_plugin.graphql.moments import in_utc

Key = TypeVar("Key")

# Each domain's error enum has it, under this value.
GRAPHQL_ERROR = "graphql_error"


class DomainMutation(BaseMutation):
    """A mutation whose domain errors become entries of `errors`, and whose arguments name moments in UTC."""

    class Meta:
        abstract = True

    @classmethod
    def mutate(cls, root: Any, info: Any, **data: Any) -> Any:
        _forget_loaded(info.context)
        try:
            return super().mutate(root, info, **in_utc(data))
        except CRMError as error:
            refusal = cls.refusal_of(error)
            if refusal is None:
                raise
            return cls.handle_errors(refusal)
        except DATABASE_ERRORS as error:
            raise_explained(error, data)

    @classmethod
    def refusal_of(cls, error: CRMError) -> ValidationError | None:
        """A domain error in the form that Saleor's mutations report; None if it is a fault and no refusal."""
        return invalid(error.field, str(error), error.code.lower()) if isinstance(error, InputError) else None


def _forget_loaded(context: Any) -> None:
    """What was loaded for the answers to earlier mutations of the request is not so any more after this one."""
    getattr(context, "dataloaders", {}).clear()


def key_argument(parse: Callable[[str, str], Key], global_id: str, type_name: str, field: str) -> Key:
    """The primary key that an argument names.

    Raises:
        ValidationError: not an id of this type.
    """
    try:
        return parse(global_id, type_name)
    except GraphQLError as error:
        raise invalid(field, str(error), GRAPHQL_ERROR) from error


def actor_of(info: Any) -> Actor:
    """The staff user or app that sent the request."""
    user = authenticated_user(info)
    if user is not None:
        return Actor(ActorType.STAFF, user.pk)
    return Actor(ActorType.APP, info.context.app.pk)


def invalid(field: str | None, message: str, code: str) -> ValidationError:
    """One error of one argument, in its GraphQL spelling; None for the mutation as a whole."""
    error = ValidationError(message, code=code)
    return ValidationError({field: error}) if field else error
