from typing import Any, cast

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from ..account.models import User
from .app.dataloaders import get_app_promise
from .core.context import SaleorContext


def get_context_value(request: HttpRequest) -> SaleorContext:
    """Make the request the context: who asks is looked up when somebody wants to know."""
    context = cast(Any, request)
    context.dataloaders = getattr(request, "dataloaders", {})
    context.allow_replica = getattr(request, "allow_replica", True)
    context.request_time = getattr(request, "request_time", timezone.now())
    set_app_on_context(context)
    set_auth_on_context(context)
    return context


def clear_context(context: SaleorContext) -> None:
    context.dataloaders.clear()
    del context.user


def set_app_on_context(request: SaleorContext) -> None:
    if not hasattr(request, "app"):
        request.app = get_app_promise(request).get()


def set_auth_on_context(request: SaleorContext) -> None:
    user: Any = SimpleLazyObject(lambda: None if request.app else get_user(request))
    request.user = user


def get_user(request: SaleorContext) -> User | None:
    context = cast(Any, request)
    if not hasattr(context, "_cached_user"):
        context._cached_user = authenticate(request=request)
    return context._cached_user
