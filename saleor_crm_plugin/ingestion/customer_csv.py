"""The customers of a segment as CSV, row by row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator
from io import StringIO
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from saleor.account.models import User
from saleor.core.db.connection import allow_writer
from saleor.core.prices import quantize_price

from saleor_crm_plugin.csv_cells import Writable, cell
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.identity import guest_emails
from saleor_crm_plugin.profiles.merging.family import ACCOUNT
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.privacy.models import DataRequest, RequestKind
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership

FETCH_SIZE: Final = 2_000
USING: Final = "default"

COLUMNS: Final = (
    "profile_id", "user_id", "email", "first_name", "last_name", "language", "customer_type", "lifecycle_stage",
    "tags", "currency", "orders_count", "net_spent", "average_order_value", "first_order_at", "last_order_at",
    "rfm_group", "predicted_clv", "churn_probability", "entered_at",
)  # fmt: skip
TEXTS: Final = frozenset({"email", "first_name", "last_name", "tags"})
METRICS: Final = COLUMNS[COLUMNS.index("currency") : COLUMNS.index("entered_at")]
AMOUNTS: Final = ("net_spent", "average_order_value", "predicted_clv")


@allow_writer()
def find_segment(slug: str) -> tuple[int, int]:
    """Primary key and number of members of a segment.

    Raises:
        CustomerInputError: `NOT_FOUND`; the message names those that there are.
    """
    segments = CustomerSegment.objects.using(USING).order_by("slug")
    found = segments.filter(slug=slug).values_list("pk", flat=True).first()
    if found is None:
        known = ", ".join(segments.values_list("slug", flat=True)) or "none yet"
        raise CustomerInputError(f"There is no segment {slug!r}. There are: {known}.", "NOT_FOUND", "segment")
    return found, _members(found, USING).count()


@allow_writer()
def write_segment(segment_id: int, out: Writable, progress: Callable[[int], object]) -> int:
    """Write the customers of a segment, and put it on record that an operator did; returns how many there are."""
    lines = 0
    for line in segment_rows(segment_id, USING, progress):
        out.write(line)
        lines += 1
    DataRequest.objects.create(kind=RequestKind.SEGMENT_EXPORT, segment_id=segment_id, created_at=timezone.now())
    # The first one is the header.
    return lines - 1


def segment_rows(segment_id: int, using: str, progress: Callable[[int], object] = lambda _: None) -> Iterator[str]:
    """A header, and the lines of the members in the order of their profiles; memory is that of one batch.

    Numbers are those of the currency in which the customer has most orders, amounts with its decimals. Five SQL
    statements for each batch.
    """
    yield _line(COLUMNS)
    last = 0
    while True:
        rows = _members(segment_id, using).filter(profile_id__gt=last).order_by("profile_id")
        batch = list(rows.values_list("profile_id", "entered_at")[:FETCH_SIZE])
        if not batch:
            return
        last = batch[-1][0]
        known = _read([profile_id for profile_id, _ in batch], using)
        for profile_id, entered_at in batch:
            row = {"profile_id": profile_id, "entered_at": entered_at, **known.get(profile_id, {})}
            yield _line([cell(row.get(name), is_text=name in TEXTS) for name in COLUMNS])
        progress(len(batch))


def _members(segment_id: int, using: str) -> QuerySet[SegmentMembership]:
    return SegmentMembership.objects.using(using).filter(segment_id=segment_id)


def _read(profile_ids: Collection[int], using: str) -> dict[int, dict[str, Any]]:
    profiles = CustomerProfile.objects.using(using).filter(pk__in=profile_ids)
    found: dict[int, dict[str, Any]] = {
        profile_id: {"user_id": user_id, "customer_type": customer_type, "lifecycle_stage": lifecycle_stage}
        for profile_id, user_id, customer_type, lifecycle_stage in profiles.values_list(
            "pk", ACCOUNT, "customer_type", "lifecycle_stage"
        )
    }
    by_user = {profile["user_id"]: profile for profile in found.values() if profile["user_id"] is not None}
    users = User.objects.using(using).filter(pk__in=by_user.keys()).order_by()
    for pk, email, first_name, last_name, language in users.values_list(
        "pk", "email", "first_name", "last_name", "language_code"
    ):
        by_user[pk].update(email=email, first_name=first_name, last_name=last_name, language=language)
    for profile_id, email in guest_emails(profile_ids, using).items():
        found[profile_id].setdefault("email", email)
    tags = CustomerTag.objects.using(using).filter(profile_id__in=profile_ids).order_by("name")
    for profile_id, name in tags.values_list("profile_id", "name"):
        kept = found[profile_id].get("tags")
        found[profile_id]["tags"] = f"{kept}, {name}" if kept else name
    metrics = ProfileMetrics.objects.using(using).filter(profile_id__in=profile_ids)
    # The currency with most orders comes last and stays.
    for row in metrics.order_by("orders_count", "-currency").values("profile_id", *METRICS):
        # Stored with the decimals of the currency that has most.
        in_coins = {name: quantize_price(row[name], row["currency"]) for name in AMOUNTS if row[name] is not None}
        found[row.pop("profile_id")].update(row | in_coins)
    return found


def _line(cells: Any) -> str:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
