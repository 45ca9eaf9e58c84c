"""`crm_export_customers`: the customers of a segment as CSV, on the server."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.privacy.models import DataRequest, RequestKind
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.devshop.factories import make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def segment() -> CustomerSegment:
    now = timezone.now()
    made = CustomerSegment.objects.create(name="Cats", slug="cats", query="is_guest", created_at=now, updated_at=now)
    for email in ("ann@example.com", "ben@example.com"):
        person = UserPerson(make_customer(email).pk)
        SegmentMembership.objects.create(
            segment=made, profile_id=resolve_profiles([person])[person], entered_at=timezone.now()
        )
    return made


@pytest.mark.parametrize("verbosity", [0, 1])
def test_it_says_how_many_it_wrote(segment, tmp_path: Path, verbosity: int) -> None:
    path, out = tmp_path / "customers.csv", StringIO()
    call_command("crm_export_customers", "cats", "--output", str(path), stdout=out, verbosity=verbosity)
    assert out.getvalue().strip() == f"Wrote 2 customers to {path}."
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["email"] for row in csv.DictReader(file)] == ["ann@example.com", "ben@example.com"]
    assert DataRequest.objects.get().kind == RequestKind.SEGMENT_EXPORT


def test_a_segment_that_is_not_there(segment, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    with pytest.raises(CommandError, match="There is no segment"):
        call_command("crm_export_customers", "dogs", "--output", str(path))
    assert not path.exists()
    assert not DataRequest.objects.exists()
