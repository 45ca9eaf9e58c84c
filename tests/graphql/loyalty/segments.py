"""Customer segments for rules and rewards."""

from __future__ import annotations

from typing import Any

from saleor_crm_plugin.ingestion.segments import refresh_segment
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.graphql.client import global_id


def buyers_of_two() -> CustomerSegment:
    """The only segment. Ann is in it, and nobody else."""
    CustomerSegment.objects.all().delete()
    segment = CustomerSegment.objects.create(name="Twice!", slug="twice", query="orders_count >= 2")
    refresh_segment(segment.pk)
    return segment


def id_of(segment: CustomerSegment) -> str:
    return global_id("CustomerSegment", segment.pk)


def shown(segment: CustomerSegment) -> dict[str, Any]:
    return {"id": id_of(segment), "name": segment.name, "slug": segment.slug}


def gone(segment: CustomerSegment) -> dict[str, Any]:
    """As it is shown when it was deleted."""
    return {"id": None, "name": None, "slug": segment.slug}
