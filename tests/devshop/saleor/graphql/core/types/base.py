"""graphene's types, with the category under which the reference lists them."""

from typing import Any

from graphene.relay.connection import Connection
from graphene.types.enum import Enum
from graphene.types.inputobjecttype import InputObjectType
from graphene.types.objecttype import ObjectType


class BaseObjectType(ObjectType):
    @classmethod
    def __init_subclass_with_meta__(
        cls, doc_category: str | None = None, webhook_events_info: Any = None, **options: Any
    ) -> None:
        cls.doc_category = doc_category
        cls.webhook_events_info = webhook_events_info
        super().__init_subclass_with_meta__(**options)


class BaseInputObjectType(InputObjectType):
    @classmethod
    def __init_subclass_with_meta__(cls, doc_category: str | None = None, **options: Any) -> None:
        cls.doc_category = doc_category
        super().__init_subclass_with_meta__(**options)


class BaseEnum(Enum):
    @classmethod
    def __init_subclass_with_meta__(cls, enum: Any = None, doc_category: str | None = None, **options: Any) -> None:
        cls.doc_category = doc_category
        super().__init_subclass_with_meta__(enum=enum, **options)


class BaseConnection(Connection):
    class Meta:
        abstract = True

    @classmethod
    def __init_subclass_with_meta__(
        cls, node: Any = None, name: str | None = None, doc_category: str | None = None, **options: Any
    ) -> None:
        cls.doc_category = doc_category
        super().__init_subclass_with_meta__(node=node, name=name, **options)
