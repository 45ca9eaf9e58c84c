"""Answers to the links of exports, below the plugin's own address (`/plugins/global/crm/`).

Whoever has a link may open it until it expires: it is as secret as the file. Everything else is not found, and nothing
says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound
from django.urls import reverse
from django.utils import timezone
from saleor.core.utils import build_absolute_uri

from saleor_crm_plugin.config import CRM_PLUGIN_ID
from saleor_crm_plugin.ingestion.customer_csv import segment_rows
from saleor_crm_plugin.ingestion.data_export import export_document
from saleor_crm_plugin.ingestion.streaming import TextStream
from saleor_crm_plugin.profiles.privacy.links import open_link
from saleor_crm_plugin.profiles.privacy.models import DataRequest, RequestKind

PREFIX: Final = "/data/"


def link_address(token: str) -> str:
    """The address of a link, on the shop's own domain."""
    endpoint = reverse("plugins-global", kwargs={"plugin_id": CRM_PLUGIN_ID})
    return build_absolute_uri(f"{endpoint.rstrip('/')}{PREFIX}{token}")


def respond(request: HttpRequest) -> HttpResponseBase:
    """The file behind a link."""
    # Saleor cuts the path at the first "crm" in it, which may be part of a folder that the shop lives in.
    _, prefix, token = request.path.rpartition(PREFIX)
    if request.method != "GET" or not prefix:
        return HttpResponseNotFound()
    found = open_link(token, timezone.now())
    return HttpResponseNotFound() if found is None else _file(request, found)


def _file(request: HttpRequest, found: DataRequest) -> HttpResponseBase:
    # Read after the view has returned, when Saleor lets nobody near the writer.
    using = settings.DATABASE_CONNECTION_REPLICA_NAME
    if found.kind == RequestKind.EXPORT and found.profile_id is not None:
        document = export_document(found.profile_id, timezone.now(), using)
        return _stream(request, document, "application/json", f"customer-{found.profile_id}.json")
    if found.kind == RequestKind.SEGMENT_EXPORT and found.segment_id is not None:
        rows = segment_rows(found.segment_id, using)
        return _stream(request, rows, "text/csv; charset=utf-8", f"segment-{found.segment_id}.csv")
    return HttpResponse(status=410)


def _stream(request: HttpRequest, pieces: Iterable[str], content_type: str, name: str) -> HttpResponseBase:
    response = TextStream(request, pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex"
    return response
