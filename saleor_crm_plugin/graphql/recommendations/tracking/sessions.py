"""The session id that a storefront has made up for an anonymous visitor, as an argument of a query."""

from __future__ import annotations

from uuid import UUID

from graphql import GraphQLError

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.tracking.identity import SESSION_FORMAT, session_digest


def session_of(session_id: str | None, kind: str | None) -> UUID | None:
    """The digest under which events of the session are kept.

    Raises:
        GraphQLError: not such an id, or not for this kind of list.
    """
    if session_id is None:
        return None
    if kind != RecommendationKind.RECENTLY_VIEWED:
        raise GraphQLError("`sessionId` is for RECENTLY_VIEWED.")
    if not SESSION_FORMAT.fullmatch(session_id):
        raise GraphQLError("Argument `sessionId` takes 16 to 64 letters, digits, hyphens and underscores.")
    return session_digest(session_id)
