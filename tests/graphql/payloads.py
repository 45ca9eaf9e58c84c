"""Requests that Saleor makes itself, for what an app's webhook gets."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from saleor.graphql.api import schema
from saleor.graphql.core.context import SaleorContext


def request_of(app: Any, dataloaders: dict[str, Any], *, sync_event: bool = False) -> SaleorContext:
    """A request of an app. `dataloaders`: shared by all apps that hear of an event."""
    request = SaleorContext()
    request.app, request.user, request.dataloaders = app, None, dataloaders
    request.request_time = timezone.now()
    request.sync_event = sync_event
    return request


def answer_to(request: SaleorContext, query: str, **variables: Any) -> Any:
    """The data and the errors."""
    return schema.execute(query, context_value=request, variable_values=variables)
