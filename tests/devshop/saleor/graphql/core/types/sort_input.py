from typing import Any

import graphene
from graphene.types.inputobjecttype import InputObjectTypeOptions

from ..enums import OrderDirection
from .base import BaseInputObjectType


class SortInputMeta(InputObjectTypeOptions):
    sort_enum: Any = None


class SortInputObjectType(BaseInputObjectType):
    """A field and a direction. The values of the enum are lists of columns; the last one must make rows unique."""

    direction = graphene.Argument(OrderDirection, required=True, description="Upwards or downwards.")

    class Meta:
        abstract = True

    @classmethod
    def __init_subclass_with_meta__(
        cls, _meta: Any = None, sort_enum: Any = None, type_name: str | None = None, **options: Any
    ) -> None:
        _meta = _meta or SortInputMeta(cls)
        _meta.sort_enum = sort_enum or _meta.sort_enum
        super().__init_subclass_with_meta__(_meta=_meta, **options)
        if sort_enum and type_name and "field" not in cls._meta.fields:
            cls._meta.fields["field"] = graphene.Argument(
                sort_enum, required=True, description=f"By what to sort {type_name}."
            )
