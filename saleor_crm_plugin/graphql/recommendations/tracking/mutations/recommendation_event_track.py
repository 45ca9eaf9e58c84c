"""`recommendationEventTrack`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS

from saleor_crm_plugin.graphql.access import authenticated_user
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationCode
from saleor_crm_plugin.graphql.recommendations.tracking.enums import RecommendationTrackStatusEnum
from saleor_crm_plugin.graphql.recommendations.tracking.errors import RecommendationEventTrackError
from saleor_crm_plugin.graphql.recommendations.tracking.inputs import RecommendationEventTrackInput, events_of
from saleor_crm_plugin.ingestion.tracking import RateLimitedError, TrackStatus, track_events


class RecommendationEventTrack(DomainMutation):
    status = RecommendationTrackStatusEnum(description="What became of the events. Null if all were refused.")
    recorded = graphene.Int(description="How many were recorded by this call.")
    duplicates = graphene.Int(description="How many were recorded before, or were sent twice.")
    retry_after = graphene.Int(description="For RATE_LIMITED: seconds after which to send them again.")

    class Arguments:
        input = RecommendationEventTrackInput(required=True, description="What happened.")

    class Meta:
        description = (
            "Records what visitors see and do with recommendations and on product pages, signed in or not. A wrong "
            "event is named in `errors`, and the others are recorded. Sending the same again changes nothing."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_PRODUCTS
        error_type_class = RecommendationEventTrackError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, input: dict[str, Any]) -> RecommendationEventTrack:
        user = authenticated_user(info)
        events, problems = events_of(input["events"])
        try:
            tracked = track_events(
                events,
                sent=len(input["events"]),
                channel_slug=input["channel"],
                user_id=user and user.pk,
                session_id=input.get("session_id"),
                now=timezone.now(),
            )
        except RateLimitedError as error:
            refusal = cls.refusal_of(error)
            assert refusal is not None
            return cls.handle_errors(refusal, retry_after=error.retry_after)
        if tracked.status != TrackStatus.RECORDED:
            return cls(status=tracked.status.value, recorded=0, duplicates=0)
        return cls(
            status=tracked.status.value,
            recorded=tracked.recorded,
            duplicates=tracked.duplicates,
            errors=[
                RecommendationEventTrackError(
                    field=problem.field,
                    message=problem.message,
                    code=RecommendationCode[problem.code].value,
                    index=problem.number,
                )
                for problem in sorted(problems + tracked.problems, key=lambda problem: problem.number)
            ],
        )
