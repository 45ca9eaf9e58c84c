"""Files behind links are sent while they are being read: under uvicorn (ASGI), and under a WSGI server."""

from __future__ import annotations

import csv
import json
import time
import tracemalloc
from collections.abc import Iterator
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import customer_csv, downloads, streaming
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.privacy.links import make_link
from saleor_crm_plugin.profiles.privacy.models import RequestKind
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.devshop.factories import make_site
from tests.web_servers import get_by_asgi, get_by_wsgi

# Under ASGI a thread of the request reads, on a connection of its own: it sees what was committed.
pytestmark = pytest.mark.django_db(transaction=True)

MEMBERS = 40
BATCHES = 20


@pytest.fixture(autouse=True)
def plugins(settings, monkeypatch):
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]
    make_site()
    # The replica of the other thread: in this one it is the writer's connection.
    replica = connections.settings[settings.DATABASE_CONNECTION_REPLICA_NAME]
    monkeypatch.setitem(replica, "NAME", connection.settings_dict["NAME"])


@pytest.fixture
def path() -> str:
    """Where the link to a segment of 40 customers leads."""
    now = timezone.now()
    segment = CustomerSegment.objects.create(name="All", slug="all", query="orders_count = 0")
    profiles = CustomerProfile.objects.bulk_create([CustomerProfile() for _ in range(MEMBERS)])
    SegmentMembership.objects.bulk_create(
        [SegmentMembership(segment=segment, profile=profile, entered_at=now) for profile in profiles]
    )
    link = make_link(RequestKind.SEGMENT_EXPORT, SYSTEM, now, segment_id=segment.pk)
    return urlsplit(downloads.link_address(link.token)).path


@pytest.fixture
def batches_read(monkeypatch) -> list[int]:
    """How many customers were read at a time: two in each of 20 batches, each a chunk of the answer."""
    read: list[int] = []
    original = customer_csv._read

    def counted(profile_ids, using):
        read.append(len(profile_ids))
        return original(profile_ids, using)

    monkeypatch.setattr(customer_csv, "FETCH_SIZE", MEMBERS // BATCHES)
    monkeypatch.setattr(customer_csv, "_read", counted)
    monkeypatch.setattr(streaming, "CHUNK_SIZE", 1)
    return read


@pytest.mark.parametrize("get", [get_by_asgi, get_by_wsgi])
class TestWhileItIsRead:
    def test_nothing_is_read_before_what_was_read_is_sent(self, get, path, batches_read):
        ahead: list[int] = []
        body: list[bytes] = []

        def on_chunk(chunk: bytes) -> None:
            # The header goes first, then two lines for each batch.
            ahead.append(len(batches_read) - (len(body) + 1) // 2)
            body.append(chunk)

        assert get(path, on_chunk) == 200
        assert len(batches_read) == BATCHES
        assert set(ahead) == {0}
        assert len(list(csv.DictReader(StringIO(b"".join(body).decode())))) == MEMBERS

    def test_memory_does_not_grow_with_the_file(self, get, path, monkeypatch):
        line = "x" * 1023 + "\n"
        monkeypatch.setattr(downloads, "segment_rows", lambda segment_id, using: (line for _ in range(32 * 1024)))
        size = 0

        def on_chunk(chunk: bytes) -> None:
            nonlocal size
            assert len(chunk) <= streaming.CHUNK_SIZE + len(line)
            size += len(chunk)

        # What is loaded once, is.
        get(path, lambda chunk: None)
        size = 0
        tracemalloc.start()
        try:
            assert get(path, on_chunk) == 200
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert size == 32 * 1024 * 1024
        assert peak < 2 * 1024 * 1024

    def test_the_document_of_a_customer_as_well(self, get):
        profile = CustomerProfile.objects.create()
        CustomerNote.objects.create(profile=profile, text="Likes pears", created_at=timezone.now())
        link = make_link(RequestKind.EXPORT, SYSTEM, timezone.now(), profile_id=profile.pk)
        body: list[bytes] = []
        assert get(urlsplit(downloads.link_address(link.token)).path, body.append) == 200
        document = json.loads(b"".join(body))
        assert [note["text"] for note in document["notes"]] == ["Likes pears"]


class TestWhoeverGoesAway:
    def test_ends_the_reading(self, path, batches_read, monkeypatch):
        closed: list[bool] = []
        original = downloads.segment_rows

        def observed(segment_id: int, using: str) -> Iterator[str]:
            try:
                yield from original(segment_id, using)
            finally:
                closed.append(True)

        monkeypatch.setattr(downloads, "segment_rows", observed)
        get_by_asgi(path, lambda chunk: None, leave_after=3)
        assert closed == [True]
        assert len(batches_read) < BATCHES

    def test_leaves_no_connection_behind(self, path, batches_read):
        before = connections_of_others()
        get_by_asgi(path, lambda chunk: None)
        get_by_asgi(path, lambda chunk: None, leave_after=3)
        # A backend of PostgreSQL's takes a moment to go.
        until = time.monotonic() + 5
        while connections_of_others() > before and time.monotonic() < until:
            time.sleep(0.05)
        assert connections_of_others() == before


def connections_of_others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        (count,) = cursor.fetchone()
    return count
