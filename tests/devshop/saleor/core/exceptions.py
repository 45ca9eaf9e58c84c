from collections.abc import Iterable

from graphql import GraphQLError

from ..permission.enums import BasePermissionEnum


class PermissionDenied(Exception):
    def __init__(self, message: str | None = None, *, permissions: Iterable[BasePermissionEnum] | None = None) -> None:
        self.permissions = permissions
        super().__init__(message or self._default_message())

    def _default_message(self) -> str:
        if not self.permissions:
            return "This needs a permission that you do not have."
        names = ", ".join(permission.name for permission in self.permissions)
        return f"This needs one of the permissions {names}."


class CircularSubscriptionSyncEvent(GraphQLError):
    pass
