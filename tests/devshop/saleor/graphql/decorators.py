from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from graphene import ResolveInfo

from ..core.exceptions import PermissionDenied
from ..permission.enums import BasePermissionEnum
from ..permission.utils import one_of_permissions_or_auth_filter_required


def account_passes_test(test_func: Callable[[Any], None]) -> Callable:
    def decorator(resolver: Callable) -> Callable:
        @wraps(resolver)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            info = next(arg for arg in args if isinstance(arg, ResolveInfo))
            test_func(info.context)
            return resolver(*args, **kwargs)

        return wrapper

    return decorator


def one_of_permissions_required(perms: Iterable[BasePermissionEnum]) -> Callable:
    def check(context: Any) -> None:
        if not one_of_permissions_or_auth_filter_required(context, perms):
            raise PermissionDenied(permissions=perms)

    return account_passes_test(check)
