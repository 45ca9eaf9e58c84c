"""Resolvers of the queries about segments. Who may ask, the fields check: MANAGE_USERS."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from graphql import GraphQLError
from saleor.graphql.core.connection import create_connection_slice
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.validators import validate_one_of_args_is_in_query
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import require_permission
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.lists import checked_first
from saleor_crm_plugin.graphql.profiles.segments.dataloaders import SegmentsByProfileIdLoader
from saleor_crm_plugin.graphql.profiles.segments.types import CustomerSegmentCountableConnection, FoundOrWrong
from saleor_crm_plugin.ingestion.segments import VOCABULARY
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments import looking
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.profiles.segments.problems import SegmentQueryError
from saleor_crm_plugin.profiles.segments.understanding import understand


def resolve_segments(_root: Any, info: Any, **arguments: Any) -> Any:
    segments = CustomerSegment.objects.using(get_database_connection_name(info.context)).order_by("pk")
    return create_connection_slice(segments, info, arguments, CustomerSegmentCountableConnection)


def resolve_segment(_root: Any, info: Any, *, id: str | None = None, slug: str | None = None) -> Any:
    validate_one_of_args_is_in_query("id", id, "slug", slug)
    segments = CustomerSegment.objects.using(get_database_connection_name(info.context))
    if slug:
        return segments.filter(slug=slug).first()
    return segments.filter(pk=integer_key(id or "", "CustomerSegment")).first()


def resolve_preview(_root: Any, info: Any, *, query: str, first: int | None = None) -> Any:
    size, using = checked_first(first), get_database_connection_name(info.context)
    try:
        understood = understand(query, VOCABULARY, timezone.now(), using)
    except SegmentQueryError as error:
        return FoundOrWrong(None, list(error.problems))
    try:
        return FoundOrWrong(looking.preview(understood, size, using), [])
    except looking.PreviewTimeoutError as error:
        raise GraphQLError(str(error)) from error


def resolve_explanation(_root: Any, info: Any, *, segment_id: str, profile_id: str) -> Any:
    using = get_database_connection_name(info.context)
    segments = CustomerSegment.objects.using(using).filter(pk=integer_key(segment_id, "CustomerSegment"))
    text = segments.values_list("query", flat=True).first()
    if text is None:
        return None
    try:
        query = understand(text, VOCABULARY, timezone.now(), using)
    except SegmentQueryError as error:
        raise GraphQLError(f"The segment's query does not say anything any more. {error}") from error
    return looking.explain(query, integer_key(profile_id, "CustomerProfile"), using)


def resolve_fields(_root: Any, _info: Any) -> Any:
    return VOCABULARY.registry.fields


def resolve_segments_of_profile(profile: CustomerProfile, info: Any) -> Any:
    # Their names are for staff: nobody wants to read what a shop calls them.
    require_permission(info, AccountPermissions.MANAGE_USERS)
    return SegmentsByProfileIdLoader(info.context).load(profile.pk)
