import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import empty

if TYPE_CHECKING:
    from ...account.models import User
    from ...app.models import App
    from .dataloaders import DataLoader


class SaleorContext(HttpRequest):
    """The request, with what resolvers expect to find on it."""

    app: "App | None"
    user: "User | None"  # type: ignore[assignment]
    dataloaders: dict[str, "DataLoader"]
    allow_replica: bool = True
    decoded_auth_token: dict[str, Any] | None
    request_time: datetime.datetime


def disallow_replica_in_context(context: SaleorContext) -> None:
    """A mutation reads what it wrote, so from here on everything comes from the writer."""
    context.allow_replica = False


def get_database_connection_name(context: SaleorContext) -> str:
    if getattr(context, "allow_replica", True):
        return settings.DATABASE_CONNECTION_REPLICA_NAME
    return settings.DATABASE_CONNECTION_DEFAULT_NAME


def setup_context_user(context: SaleorContext) -> None:
    """Put the user itself in the place of the lazy object."""
    user: Any = context.user
    if hasattr(user, "_wrapped"):
        if user._wrapped is empty or user._wrapped is None:
            user._setup()
        context.user = user._wrapped


N = TypeVar("N")
M = TypeVar("M", bound=Model)


@dataclass
class BaseContext(Generic[N]):
    """What a resolver gets as root in place of the bare object."""

    node: N


@dataclass
class SyncWebhookControlContext(BaseContext[N]):
    """The root of orders, checkouts and what belongs to them."""

    allow_sync_webhooks: bool = True


@dataclass
class ChannelContext(BaseContext[N]):
    """The root of products and what belongs to them."""

    channel_slug: str | None


@dataclass
class ChannelQsContext(Generic[M]):
    qs: QuerySet[M]
    channel_slug: str | None
