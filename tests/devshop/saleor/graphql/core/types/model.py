from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model
from graphene.types.objecttype import ObjectTypeOptions

from ..doc_category import DOC_CATEGORY_MAP
from .base import BaseObjectType
from .common import TYPES_WITH_DOUBLE_ID_AVAILABLE


class ModelObjectOptions(ObjectTypeOptions):
    model: type[Model] | None = None


MT = TypeVar("MT", bound=Model)


class ModelObjectType(Generic[MT], BaseObjectType):
    """An object type that knows its Django model, and finds an object by its id."""

    @classmethod
    def __init_subclass_with_meta__(cls, _meta: Any = None, doc_category: str | None = None, **options: Any) -> None:
        _meta = _meta or ModelObjectOptions(cls)
        if not getattr(_meta, "model", None):
            model = options.pop("model", None)
            if not model or not issubclass(model, Model):
                raise ValueError(f"{cls.__name__} needs a Django model in its Meta.")
            _meta.model = model
            doc_category = doc_category or DOC_CATEGORY_MAP.get(f"{model._meta.app_label}.{model.__name__}")
        super().__init_subclass_with_meta__(_meta=_meta, doc_category=doc_category, **options)

    @classmethod
    def get_node(cls, _: Any, id: Any) -> MT | None:
        """None as well for the integer ids that orders had before they got UUIDs."""
        if cls._meta.name in TYPES_WITH_DOUBLE_ID_AVAILABLE:
            try:
                UUID(str(id))
            except ValueError:
                return None
        return cls._meta.model.objects.filter(pk=id).first()

    @classmethod
    def get_model(cls) -> type[MT]:
        return cls._meta.model
