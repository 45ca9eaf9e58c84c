"""What a merge would do, without doing it: what staff look at before they say that two customers are one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum
from saleor.account.models import User
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.merging import UNDO_DAYS, customer_error, undo_until
from saleor_crm_plugin.loyalty import merging as accounts
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose
from saleor_crm_plugin.profiles.merging import merging as profiles
from saleor_crm_plugin.profiles.merging.carrying import refusals_to_carry
from saleor_crm_plugin.profiles.merging.family import heads_of
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity, ProfileOrder
from saleor_crm_plugin.profiles.notes.models import CustomerTag


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. Points are those of all programs together."""

    profile: CustomerProfile
    name: str
    emails: tuple[str, ...]
    orders_count: int
    points: int
    pending_points: int
    debt: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergePreview:
    """
    Attributes:
        source, target: None where there is no such customer.
        stricter_consents: purposes that the target has not refused, and the source has.
        tags: those that the target has afterwards.
        undo_until: until when it could be undone, if it were done now.
        refusals: why it cannot be done; empty if it can.
    """

    source: Side | None
    target: Side | None
    stricter_consents: tuple[ConsentPurpose, ...]
    tags: tuple[str, ...]
    undo_until: datetime
    refusals: tuple[CustomerInputError, ...]


@allow_writer()
def preview_merge(
    source_id: int, target_id: int, actor: Actor, now: datetime, *, undo_days: int = UNDO_DAYS, using: str = "default"
) -> MergePreview:
    """Look at both. Reads the writer: what it says is what `merge_customers` would find.

    Raises:
        CustomerInputError: `INVALID`: the number of days.
    """
    until = undo_until(now, undo_days)
    # A merged target stands for its head, as in `profiles.merging.merge`.
    head_id = heads_of([target_id], using).get(target_id, target_id)
    target_id = target_id if head_id == source_id else head_id
    found = CustomerProfile.objects.using(using).in_bulk([source_id, target_id])
    source, target = found.get(source_id), found.get(target_id)
    refused = profiles.refusals(source, target, actor, using)
    stricter: tuple[ConsentPurpose, ...] = ()
    if source is not None and target is not None and source != target:
        refused += [customer_error(error) for error in accounts.refusals(source.pk, target.pk, using)]
        stricter = tuple(purpose for _, purpose in refusals_to_carry([(source.pk, target.pk)], using))
    sides = {profile.pk: _side(profile, using) for profile in found.values()}
    return MergePreview(
        source=sides.get(source_id),
        target=sides.get(target_id),
        stricter_consents=stricter,
        tags=tuple(sorted({tag for side in sides.values() for tag in side.tags})),
        undo_until=until,
        refusals=tuple(refused),
    )


def _side(profile: CustomerProfile, using: str) -> Side:
    user = User.objects.using(using).filter(pk=profile.user_id).first() if profile.user_id else None
    names = ProfileIdentity.objects.using(using).filter(
        profile=profile, kind__in=[IdentityKind.VERIFIED_EMAIL, IdentityKind.UNVERIFIED_EMAIL]
    )
    emails = [user.email] if user is not None else []
    emails += names.order_by("value").values_list("value", flat=True)
    sums = LoyaltyAccount.objects.using(using).filter(profile=profile)
    totals = sums.aggregate(active=Sum("active"), pending=Sum("pending"), deficit=Sum("deficit"))
    tags = CustomerTag.objects.using(using).filter(profile=profile).order_by("name")
    return Side(
        profile=profile,
        name=f"{user.first_name} {user.last_name}".strip() if user is not None else "",
        emails=tuple(dict.fromkeys(emails)),
        orders_count=ProfileOrder.objects.using(using).filter(profile=profile, counts=True).count(),
        points=totals["active"] or 0,
        pending_points=totals["pending"] or 0,
        debt=totals["deficit"] or 0,
        tags=tuple(tags.values_list("name", flat=True)),
    )
