"""What the mutations about segments have in common."""

from __future__ import annotations

import logging

import graphene
from kombu.exceptions import OperationalError
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.base import BaseInputObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.ingestion.tasks import refresh_segment_task
from saleor_crm_plugin.profiles.segments.models import DESCRIPTION_MAX_LENGTH, NAME_MAX_LENGTH
from saleor_crm_plugin.profiles.segments.syntax import QUERY_MAX_LENGTH

logger = logging.getLogger(__name__)

NAME = f"What staff call it, up to {NAME_MAX_LENGTH} characters. There is one of each name."
QUERY = f"Who is in it, in the segment language, up to {QUERY_MAX_LENGTH} characters."
DESCRIPTION = f"What it is for, up to {DESCRIPTION_MAX_LENGTH} characters."


class CustomerSegmentCreateInput(BaseInputObjectType):
    name = graphene.String(required=True, description=NAME)
    query = graphene.String(required=True, description=QUERY)
    description = graphene.String(description=DESCRIPTION)

    class Meta:
        description = "A new segment." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


class CustomerSegmentUpdateInput(BaseInputObjectType):
    name = graphene.String(description=NAME)
    query = graphene.String(description=QUERY)
    description = graphene.String(description=DESCRIPTION)

    class Meta:
        description = "What changes of a segment; what is left out stays." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


def start_refresh(segment_id: int) -> None:
    """Have the members computed by a worker; without a broker, now. If it cannot be reached, the night does it."""
    try:
        refresh_segment_task.apply_async((segment_id,), retry=False)
    except (OSError, OperationalError) as error:
        logger.warning("Segment %s waits for the nightly refresh: no broker (%s).", segment_id, type(error).__name__)
