"""How staff make, change and remove segments. Members follow in a refresh that the caller starts after the commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.segments.models import (
    DESCRIPTION_MAX_LENGTH,
    NAME_MAX_LENGTH,
    CustomerSegment,
)
from saleor_crm_plugin.profiles.segments.problems import SegmentQueryError
from saleor_crm_plugin.profiles.segments.understanding import Vocabulary, understand
from saleor_crm_plugin.texts import can_be_stored

# Each costs a part of a second every night, and some milliseconds with each order.
MAX_SEGMENTS = 200


def create_segment(
    vocabulary: Vocabulary, now: datetime, *, name: str, query: str, description: str = "", using: str = "default"
) -> CustomerSegment:
    """
    Raises:
        CustomerInputError: a value is wrong, with its field, or there are as many segments as there can be.
    """
    segment = CustomerSegment(
        name=_name(name), query=_query(query, vocabulary, now, using), description=_description(description)
    )
    if CustomerSegment.objects.using(using).count() >= MAX_SEGMENTS:
        raise CustomerInputError(
            f"There are {MAX_SEGMENTS} segments: remove one that nobody uses first.", "LIMIT_REACHED"
        )
    segment.slug = _free_slug(segment.name, using)
    _save(segment, using)
    return segment


def update_segment(
    segment_id: int, vocabulary: Vocabulary, now: datetime, changes: dict[str, Any], using: str = "default"
) -> tuple[CustomerSegment, bool]:
    """Change what is given: `name`, `query`, `description`. The slug stays.

    Returns:
        The segment, and whether its query has become another, so that it needs a refresh.

    Raises:
        CustomerInputError: there is no such segment, or a value is wrong.
    """
    with transaction.atomic(using=using):
        segment = _locked(segment_id, using)
        before = segment.query
        if "name" in changes:
            segment.name = _name(changes["name"])
        if "description" in changes:
            segment.description = _description(changes["description"])
        if "query" in changes:
            segment.query = _query(changes["query"], vocabulary, now, using)
            segment.error = ""
        _save(segment, using)
    return segment, segment.query != before


def delete_segment(segment_id: int, using: str = "default") -> CustomerSegment:
    """Remove a segment with its memberships. Nobody leaves it by that: no events are written.

    Raises:
        CustomerInputError: there is no such segment.
    """
    with transaction.atomic(using=using):
        segment = _locked(segment_id, using)
        segment.delete()
    segment.pk = segment_id
    return segment


def _locked(segment_id: int, using: str) -> CustomerSegment:
    segment = CustomerSegment.objects.using(using).select_for_update().filter(pk=segment_id).first()
    if segment is None:
        raise CustomerInputError("There is no such segment.", "NOT_FOUND", "id")
    return segment


def _save(segment: CustomerSegment, using: str) -> None:
    names = CustomerSegment.objects.using(using).filter(name=segment.name).exclude(pk=segment.pk)
    if names.exists():
        raise _taken()
    try:
        with transaction.atomic(using=using):
            segment.save(using=using)
    except IntegrityError as error:
        # Somebody else was quicker.
        raise _taken() from error


def _taken() -> CustomerInputError:
    return CustomerInputError("There is a segment of this name already.", "UNIQUE", "name")


def _free_slug(name: str, using: str) -> str:
    stem = slugify(name)[: NAME_MAX_LENGTH - 8] or "segment"
    taken = set(CustomerSegment.objects.using(using).filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def _name(value: str | None) -> str:
    name = _clean(value, "name")
    if not name:
        raise CustomerInputError("A segment needs a name.", "REQUIRED", "name")
    if len(name) > NAME_MAX_LENGTH:
        raise CustomerInputError(f"A name has up to {NAME_MAX_LENGTH} characters.", "INVALID", "name")
    return name


def _description(value: str | None) -> str:
    description = _clean(value, "description")
    if len(description) > DESCRIPTION_MAX_LENGTH:
        message = f"A description has up to {DESCRIPTION_MAX_LENGTH} characters."
        raise CustomerInputError(message, "INVALID", "description")
    return description


def _clean(value: str | None, field: str) -> str:
    text = (value or "").strip()
    if not can_be_stored(text):
        raise CustomerInputError("There is a character in it that cannot be stored.", "INVALID", field)
    return text


def _query(value: str | None, vocabulary: Vocabulary, now: datetime, using: str) -> str:
    query = (value or "").strip()
    if not query:
        raise CustomerInputError("A segment needs a query.", "REQUIRED", "query")
    try:
        return understand(query, vocabulary, now, using).text
    except SegmentQueryError as error:
        raise CustomerInputError(str(error), "INVALID", "query") from error
