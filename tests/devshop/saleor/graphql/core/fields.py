from collections.abc import Callable
from typing import Any

import graphene
from django.conf import settings
from graphene.relay import Connection

from ...permission.enums import BasePermissionEnum
from ...permission.utils import message_one_of_permissions_required
from ..decorators import one_of_permissions_required


class BaseField(graphene.Field):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.doc_category = kwargs.pop("doc_category", None)
        self.webhook_events_info = kwargs.pop("webhook_events_info", None)
        kwargs.pop("auto_webhook_events_info_message", None)
        self.monitor_usage = kwargs.pop("monitor_usage", False)
        super().__init__(*args, **kwargs)

    def get_resolver(self, parent_resolver: Callable) -> Callable:
        resolver: Any = self.resolver or parent_resolver
        resolver.doc_category = self.doc_category
        resolver.webhook_events_info = self.webhook_events_info
        resolver.monitor_usage = self.monitor_usage
        return resolver


class PermissionsField(BaseField):
    """A field that only those see who hold one of the permissions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.permissions: list[BasePermissionEnum] = kwargs.pop("permissions", [])
        announce = kwargs.pop("auto_permission_message", True)
        assert isinstance(self.permissions, list), f"permissions must be a list: {self.permissions}"
        super().__init__(*args, **kwargs)
        if announce and self.permissions:
            needs = message_one_of_permissions_required(self.permissions)
            self.description = (self.description or "") + needs

    def get_resolver(self, parent_resolver: Callable) -> Callable:
        resolver = self.resolver or parent_resolver
        if self.permissions:
            resolver = one_of_permissions_required(self.permissions)(resolver)
        return super().get_resolver(resolver)


class ConnectionField(PermissionsField):
    def __init__(self, type_: Any, *args: Any, **kwargs: Any) -> None:
        limit = settings.GRAPHQL_PAGINATION_LIMIT
        kwargs.setdefault("before", graphene.String(description="Only what stands before this cursor."))
        kwargs.setdefault("after", graphene.String(description="Only what stands after this cursor."))
        kwargs.setdefault("first", graphene.Int(description=f"How many from the start, {limit} at most."))
        kwargs.setdefault("last", graphene.Int(description=f"How many from the end, {limit} at most."))
        super().__init__(type_, *args, **kwargs)

    @property
    def type(self) -> Any:
        declared = super().type
        connection = declared.of_type if isinstance(declared, graphene.NonNull) else declared
        assert issubclass(connection, Connection), f"{connection} is no connection."
        return declared


class JSONString(graphene.JSONString):
    """JSON, written into a string."""
