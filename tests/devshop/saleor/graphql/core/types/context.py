from typing import Any, Generic, TypeVar

from django.db.models import Model
from graphene.types.resolver import get_default_resolver

from ..context import ChannelContext
from .base import BaseObjectType
from .model import ModelObjectType

N = TypeVar("N", bound=Model)
T = TypeVar("T", bound=Model)


class ChannelContextTypeForObjectType(Generic[N], BaseObjectType):
    """A type whose resolvers get a ChannelContext as root."""

    class Meta:
        abstract = True

    @staticmethod
    def resolver_with_context(attname: str, default_value: Any, root: ChannelContext[N], info: Any, **args: Any) -> Any:
        return get_default_resolver()(attname, default_value, root.node, info, **args)


class ChannelContextType(ChannelContextTypeForObjectType[T], ModelObjectType[T]):
    class Meta:
        abstract = True

    @staticmethod
    def resolve_id(root: ChannelContext[T], _info: Any) -> Any:
        return root.node.pk

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        node = root.node if isinstance(root, ChannelContext) else root
        return isinstance(node, (cls, cls._meta.model))
