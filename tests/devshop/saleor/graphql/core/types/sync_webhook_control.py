from typing import Any, Generic, TypeVar

from django.db.models import Model
from graphene.types.resolver import get_default_resolver

from ..context import SyncWebhookControlContext
from .base import BaseObjectType
from .model import ModelObjectType

N = TypeVar("N")
T = TypeVar("T", bound=Model)


class SyncWebhookControlContextObjectType(Generic[N], BaseObjectType):
    """A type whose resolvers get a SyncWebhookControlContext as root."""

    class Meta:
        abstract = True

    @staticmethod
    def resolver_with_context(
        attname: str, default_value: Any, root: SyncWebhookControlContext[N], info: Any, **args: Any
    ) -> Any:
        return get_default_resolver()(attname, default_value, root.node, info, **args)


class SyncWebhookControlContextModelObjectType(ModelObjectType[T], SyncWebhookControlContextObjectType[T]):
    class Meta:
        abstract = True
