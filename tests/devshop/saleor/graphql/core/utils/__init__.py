import binascii
from dataclasses import dataclass
from typing import Any

import graphene
from django.core.exceptions import ValidationError
from graphql.error import GraphQLError

from ..validators import validate_if_int_or_uuid


def snake_to_camel_case(name: Any) -> Any:
    if not isinstance(name, str):
        return name
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def str_to_enum(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_").upper()


def from_global_id_or_error(global_id: str, only_type: Any = None, raise_error: bool = False) -> tuple[str, str | None]:
    """Return type and id. Another type than `only_type` gives no id, or raises if asked to."""
    expected = f" Expected: {only_type}." if only_type else ""
    try:
        type_, id_ = graphene.Node.from_global_id(global_id)
        validate_if_int_or_uuid(id_)
    except (binascii.Error, UnicodeDecodeError, ValueError, ValidationError) as error:
        raise GraphQLError(f"Not a global id: {global_id}.{expected}") from error
    if only_type and str(type_) != str(only_type):
        if not raise_error:
            return type_, None
        raise GraphQLError(f"{global_id} is the id of a {type_}, not of a {only_type}.")
    return type_, id_


def from_global_id_or_none(global_id: str | None, only_type: Any = None, raise_error: bool = False) -> str | None:
    return from_global_id_or_error(global_id, only_type, raise_error)[1] if global_id else None


@dataclass
class WebhookEventInfo:
    type: str
    description: str | None = None


def message_webhook_events(webhook_events: list[WebhookEventInfo]) -> str:
    return "\n\nTriggers: " + ", ".join(event.type for event in webhook_events)
