"""Everything that we hold about a customer, as one JSON document; and links to such documents.

Rows as they are stored, in sections; Saleor holds the rest (names, addresses, orders) and exports it itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from saleor.core.db.connection import allow_writer
from saleor.order.models import Order

from saleor_crm_plugin import __version__
from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.loyalty import privacy as points
from saleor_crm_plugin.profiles.merging.family import families, heads_of
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.privacy import holdings
from saleor_crm_plugin.profiles.privacy.links import Link, make_link
from saleor_crm_plugin.profiles.privacy.models import RequestKind
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent, SubjectType
from saleor_crm_plugin.recommendations import privacy as recommended

USING: Final = "default"
HOLDINGS: Final = (*holdings.HOLDINGS, *points.HOLDINGS, *recommended.HOLDINGS)


def channels_named(profile_id: int) -> set[int]:
    """Ids of the channels of the orders that the export of a customer names; some may be orders of somebody else.

    Five statements.
    """
    family = _family(profile_id, USING)
    tables = [holding.of(family, USING) for holding in HOLDINGS if "order_id" in holding.columns]
    first, *others = [rows.values_list("order_id", flat=True) for rows in tables]
    events = ProfileEvent.objects.using(USING).filter(profile__in=family, subject_type=SubjectType.ORDER).order_by()
    named = {*first.union(*others), *events.values_list("subject_id", flat=True).distinct()} - {None}
    channels = Order.objects.using(USING).filter(pk__in=named).order_by().values_list("channel_id", flat=True)
    return set(channels.distinct())


@allow_writer()
def request_export(profile_id: int, actor: Actor, now: datetime | None = None) -> Link:
    """Make a link to the export of a customer.

    Raises:
        CustomerInputError: `NOT_FOUND`.
    """
    now = now or timezone.now()
    if not CustomerProfile.objects.using(USING).filter(pk=profile_id).exists():
        raise CustomerInputError("There is no such customer.", "NOT_FOUND", "id")
    link = make_link(RequestKind.EXPORT, actor, now, profile_id=profile_id)
    event = Event(profile_id, EventKind.DATA_EXPORTED, now, f"data-request:{link.request.pk}", actor=actor)
    record([event], USING)
    return link


def export_document(profile_id: int, now: datetime, using: str) -> Iterator[str]:
    """The document, piece by piece: an object whose sections are lists of rows."""
    family = _family(profile_id, using)
    about: dict[str, Any] = {
        "generatedAt": now,
        "generator": f"saleor-crm-plugin {__version__}",
        "profileId": profile_id,
    }
    yield json.dumps(about, cls=DjangoJSONEncoder)[:-1]
    for holding in HOLDINGS:
        yield f', "{holding.name}": ['
        for number, row in enumerate(holding.rows(family, using)):
            yield (", " if number else "") + json.dumps(row, cls=DjangoJSONEncoder)
        yield "]"
    yield "}\n"


def _family(profile_id: int, using: str) -> list[int]:
    head = heads_of([profile_id], using).get(profile_id, profile_id)
    return families([head], using).get(head, [])
