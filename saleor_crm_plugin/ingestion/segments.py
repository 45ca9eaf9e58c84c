"""Segments of this shop: the domain's, with the shop's words.

`refresh_for` is for whatever changes something that a query may ask about. Call it once that is committed (from
`transaction.on_commit`, say), not within a transaction that has locked profiles: a full refresh that waits for those
would be waited for. It never fails its caller: what it misses, the nightly refresh of everybody finds.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

from django.conf import settings as django_settings
from django.db import DatabaseError
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.ingestion.segment_fields import REGISTRY
from saleor_crm_plugin.ingestion.segment_names import find_names, known_names
from saleor_crm_plugin.profiles.segments import membership
from saleor_crm_plugin.profiles.segments.understanding import Vocabulary

logger = logging.getLogger(__name__)

VOCABULARY = Vocabulary(REGISTRY, find_names, known_names)


@allow_writer()
def refresh_for(profile_ids: Collection[int], now: datetime | None = None, using: str | None = None) -> None:
    """Bring these customers' memberships in line, in all segments.

    One SQL statement if there is no segment, else four for any number of customers and segments.
    """
    if not profile_ids:
        return
    using = using or django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    try:
        membership.refresh_profiles(profile_ids, VOCABULARY, now or timezone.now(), using)
    except DatabaseError as error:
        logger.error("Segments could not be brought in line; the nightly refresh does it.", exc_info=told(error))


@allow_writer()
def refresh_segment(segment_id: int, now: datetime | None = None, using: str | None = None) -> membership.Moves:
    """Bring all members of one segment in line."""
    using = using or django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    return membership.refresh_segment(segment_id, VOCABULARY, now or timezone.now(), using)


@allow_writer()
def refresh_segments(now: datetime | None = None, using: str | None = None) -> membership.Moves:
    """Bring all members of all segments in line."""
    using = using or django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    return membership.refresh_all(VOCABULARY, now or timezone.now(), using)
