"""How a person is taken out of the tables of this domain, level by level (`ErasureLevel`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    CustomerType,
    ErasureLevel,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent, SubjectType

LEVELS = (ErasureLevel.NONE, ErasureLevel.STOP, ErasureLevel.ANONYMISE, ErasureLevel.DELETE)


def reaches(level: str, other: str) -> bool:
    """Whether a level does what another one does."""
    return LEVELS.index(ErasureLevel(level)) >= LEVELS.index(ErasureLevel(other))


def mark_erased(profile_ids: Collection[int], level: ErasureLevel, now: datetime, using: str) -> None:
    """Say on the profiles how far they are erased. A lower level than before changes nothing."""
    for profile in CustomerProfile.objects.using(using).filter(pk__in=profile_ids):
        if not reaches(profile.erasure_level, level):
            profile.erased_at, profile.erasure_level = now, level
            profile.save(using=using, update_fields=["erased_at", "erasure_level"])


def forget_merges(profile_ids: Collection[int], using: str) -> None:
    """Forget where these persons stood when they were merged: whoever is erased is not separated any more."""
    of_them = Q(source_id__in=profile_ids) | Q(target_id__in=profile_ids)
    ProfileMerge.objects.using(using).filter(of_them).exclude(carried={}).update(carried={})


def forget_types(profile_ids: Collection[int], using: str) -> None:
    """Take back what staff have said these persons are; the rule concludes nothing about who is erased."""
    profiles = CustomerProfile.objects.using(using).filter(pk__in=profile_ids)
    profiles.update(customer_type=CustomerType.B2C, customer_type_by_hand=False)


def deleted_ones(profile_ids: Collection[int], using: str) -> set[int]:
    """Those of the profiles that were deleted on request: whatever is opened for them takes nothing any more."""
    deleted = CustomerProfile.objects.using(using).filter(pk__in=profile_ids, erasure_level=ErasureLevel.DELETE)
    return set(deleted.values_list("pk", flat=True))


def remove_texts(profile_ids: Collection[int], using: str, orders_of_others: Collection[UUID] = ()) -> None:
    """Remove addresses, and all that somebody wrote by or about these persons. Numbers and dates stay.

    Args:
        orders_of_others: orders that are told of in these persons' timelines, and are somebody else's.
    """
    ProfileIdentity.objects.using(using).filter(profile_id__in=profile_ids).delete()
    CustomerNote.objects.using(using).filter(profile_id__in=profile_ids).delete()
    CustomerTag.objects.using(using).filter(profile_id__in=profile_ids).delete()
    OrderFeedback.objects.using(using).filter(profile_id__in=profile_ids).update(comment="")
    ProductReview.objects.using(using).filter(feedback__profile_id__in=profile_ids).update(comment="")
    events = ProfileEvent.objects.using(using).filter(profile_id__in=profile_ids).exclude(details={})
    if orders_of_others:
        events = events.exclude(subject_type=SubjectType.ORDER, subject_id__in=map(str, orders_of_others))
    events.update(details={})
    consents = ConsentRecord.objects.using(using).filter(profile_id__in=profile_ids)
    consents.exclude(source="", text_version="").update(source="", text_version="")


def remove_facts(profile_ids: Collection[int], using: str) -> list[UUID]:
    """Remove orders, numbers, events, consents and answers: only the bare profiles stay.

    Returns:
        The orders that were these persons', for the caller to see that they are not taken in again.
    """
    orders = ProfileOrder.objects.using(using).filter(profile_id__in=profile_ids)
    ids = list(orders.values_list("order_id", flat=True))
    for model in (ProfileOrder, ProfileMetrics, SegmentMembership, ProfileEvent, ConsentRecord, OrderFeedback):
        model._default_manager.using(using).filter(profile_id__in=profile_ids).delete()
    CustomerProfile.objects.using(using).filter(pk__in=profile_ids).update(found_quiet_at=None)
    return ids
