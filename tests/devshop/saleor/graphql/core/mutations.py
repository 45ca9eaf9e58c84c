from enum import Enum
from typing import Any

import graphene
from django.core.exceptions import NON_FIELD_ERRORS, ImproperlyConfigured, ValidationError
from django.db.models import Model, QuerySet
from graphene.types.mutation import MutationOptions
from graphql.error import GraphQLError

from ...core.db.connection import allow_writer
from ...core.exceptions import PermissionDenied
from ...core.utils.events import call_event
from ...permission.utils import (
    all_permissions_required,
    message_one_of_permissions_required,
    one_of_permissions_or_auth_filter_required,
)
from .context import SaleorContext, disallow_replica_in_context, setup_context_user
from .types import ModelObjectType, NonNullList
from .utils import (
    WebhookEventInfo,
    from_global_id_or_error,
    message_webhook_events,
    snake_to_camel_case,
)
from .utils.error_codes import get_error_code_from_error


def get_error_fields(
    error_type_class: Any, error_type_field: str, deprecation_reason: str | None = None
) -> dict[str, graphene.Field]:
    field = graphene.Field(
        NonNullList(error_type_class, description="Why the mutation was refused; empty if it was not."),
        default_value=[],
        required=True,
        deprecation_reason=deprecation_reason,
    )
    return {error_type_field: field}


def validation_error_to_error_type(validation_error: ValidationError, error_type_class: Any) -> list:
    """One error object for each message, with the field in camel case, and the code that clients know."""
    if hasattr(validation_error, "error_dict"):
        by_field = validation_error.error_dict
    else:
        by_field = {NON_FIELD_ERRORS: validation_error.error_list}
    converted = []
    for label, errors in by_field.items():
        field = None if label == NON_FIELD_ERRORS else snake_to_camel_case(label)
        for error in errors:
            item = error_type_class(field=field, message=error.messages[0], code=get_error_code_from_error(error))
            attach_error_params(item, error.params, set(error_type_class._meta.fields))
            converted.append(item)
    return converted


def attach_error_params(error: Any, params: dict | None, error_class_fields: set[str]) -> None:
    for name, value in (params or {}).items():
        if name in error_class_fields:
            setattr(error, name, value)


def _check_declared_permissions(name: str, permissions: Any) -> None:
    is_tuple_of_enums = isinstance(permissions, tuple) and all(isinstance(item, Enum) for item in permissions)
    if permissions and not is_tuple_of_enums:
        raise ImproperlyConfigured(f"{name} declares permissions that are no tuple of enums: {permissions!r}")


class BaseMutation(graphene.Mutation):
    """Checks permissions, runs `perform_mutation` on the writer, and turns a ValidationError into `errors`."""

    class Meta:
        abstract = True

    @classmethod
    def __init_subclass_with_meta__(
        cls,
        auto_permission_message: bool = True,
        description: str | None = None,
        doc_category: str | None = None,
        permissions: Any = None,
        _meta: Any = None,
        error_type_class: Any = None,
        error_type_field: str | None = None,
        errors_mapping: dict[str, str] | None = None,
        support_meta_field: bool = False,
        support_private_meta_field: bool = False,
        auto_webhook_events_message: bool = True,
        webhook_events_info: list[WebhookEventInfo] | None = None,
        exclude: Any = None,
        **options: Any,
    ) -> None:
        if not description or not error_type_class:
            raise ImproperlyConfigured(f"The Meta of {cls.__name__} needs a description and an error_type_class.")
        _check_declared_permissions(cls.__name__, permissions)
        _meta = _meta or MutationOptions(cls)
        remembered = {
            "auto_permission_message": auto_permission_message,
            "error_type_class": error_type_class,
            "error_type_field": error_type_field,
            "errors_mapping": errors_mapping,
            "exclude": exclude or [],
            "permissions": permissions,
            "support_meta_field": support_meta_field,
            "support_private_meta_field": support_private_meta_field,
        }
        for option, value in remembered.items():
            setattr(_meta, option, value)
        if permissions and auto_permission_message:
            description += message_one_of_permissions_required(permissions)
        if webhook_events_info and auto_webhook_events_message:
            description += message_webhook_events(webhook_events_info)
        cls.webhook_events_info = webhook_events_info
        cls.doc_category = doc_category
        super().__init_subclass_with_meta__(description=description, _meta=_meta, **options)
        if error_type_field:
            reason = "Read `errors`."
            cls._meta.fields.update(get_error_fields(error_type_class, error_type_field, reason))
        cls._meta.fields.update(get_error_fields(error_type_class, "errors"))

    @classmethod
    def check_permissions(
        cls,
        context: SaleorContext,
        permissions: Any = None,
        require_all_permissions: bool = False,
        **data: Any,
    ) -> bool:
        permissions = permissions or cls._meta.permissions
        if not permissions:
            return True
        if require_all_permissions:
            return all_permissions_required(context, permissions)
        return one_of_permissions_or_auth_filter_required(context, permissions)

    @classmethod
    @allow_writer()
    def mutate(cls, root: Any, info: Any, **data: Any) -> Any:
        context = info.context
        disallow_replica_in_context(context)
        setup_context_user(context)
        allowed = cls.check_permissions(context, data=data)
        if not allowed:
            raise PermissionDenied(permissions=cls._meta.permissions)
        try:
            result = cls.perform_mutation(root, info, **data)
        except ValidationError as refusal:
            result = cls.handle_errors(refusal)
        result.errors = result.errors or []
        return result

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, **data: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def handle_errors(cls, error: ValidationError, **extra: Any) -> Any:
        errors = validation_error_to_error_type(error, cls._meta.error_type_class)
        return cls.handle_typed_errors(errors, **extra)

    @classmethod
    def handle_typed_errors(cls, errors: list, **extra: Any) -> Any:
        if cls._meta.error_type_field is not None:
            extra[cls._meta.error_type_field] = errors
        return cls(errors=errors, **extra)

    @staticmethod
    def call_event(func_obj: Any, *func_args: Any, **kwargs: Any) -> None:
        call_event(func_obj, *func_args, **kwargs)

    @classmethod
    def get_global_id_or_error(cls, id: str, only_type: Any = None, field: str = "id") -> str:
        try:
            return from_global_id_or_error(id, only_type, raise_error=True)[1]
        except GraphQLError as error:
            raise ValidationError({field: ValidationError(str(error), code="graphql_error")}) from error

    @classmethod
    def get_node_or_error(
        cls,
        info: Any,
        node_id: str | None,
        *,
        field: str = "id",
        only_type: type[ModelObjectType] | None = None,
        qs: QuerySet | None = None,
        code: str = "not_found",
    ) -> Model | None:
        """Return the object; None only where no id was given."""
        if not node_id:
            return None
        try:
            type_name, pk = from_global_id_or_error(node_id, only_type, raise_error=True)
            if only_type is None:
                only_type = info.schema.get_type(type_name).graphene_type
            node = only_type.get_node(info, pk) if qs is None else qs.filter(pk=pk).first()
        except (AssertionError, GraphQLError) as error:
            raise ValidationError({field: ValidationError(str(error), code="graphql_error")}) from error
        if node is None:
            raise ValidationError({field: ValidationError(f"There is nothing with the id {node_id}.", code=code)})
        return node
