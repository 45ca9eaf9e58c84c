"""What resolvers of Saleor's types get as root: the row itself, or the row in a context object.

Which one differs between the four versions of Saleor, between types and even between fields that return the same type.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from saleor.graphql.core.context import BaseContext


class Amount(NamedTuple):
    """Root of Saleor's `Money`."""

    amount: Decimal
    currency: str


def node_of(root: Any) -> Any:
    """The database row behind a resolver's root."""
    return root.node if isinstance(root, BaseContext) else root


def channel_slug_of(root: Any) -> str | None:
    """The channel that the parent field was asked for, if any. Saleor passes it lazily, so this may read it."""
    slug = getattr(root, "channel_slug", None)
    return str(slug) if slug else None


def is_unsaved_user(user: Any) -> bool:
    """Whether a user only looks like one: what `accountRegister` returns when the address is taken."""
    return user.pk is None or bool(getattr(user, "NEWLY_CREATED_USER", False))
