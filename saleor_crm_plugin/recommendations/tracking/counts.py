"""How often lists were shown, clicked and added from, by kind and by model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.recommendations.tracking.statistics import Share, share_of

COUNTS: Final = """
SELECT kind, model_id, count(*) FILTER (WHERE type = 'shown'), count(*) FILTER (WHERE type = 'clicked'),
    count(*) FILTER (WHERE type = 'added')
FROM crm_recommendation_event
WHERE occurred_at >= %(since)s AND occurred_at < %(until)s AND channel_id = %(channel)s AND type <> 'viewed'
GROUP BY kind, model_id
"""


@dataclass(frozen=True, slots=True)
class Counts:
    shown: int = 0
    clicked: int = 0
    added: int = 0

    @property
    def click_through(self) -> Share | None:
        """Clicks of what was shown; None where clicks were tracked and not all that was shown."""
        return share_of(self.clicked, self.shown)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.shown + other.shown, self.clicked + other.clicked, self.added + other.added)


@dataclass(frozen=True, slots=True)
class Counted:
    """Attributes:
    by_model: the key None stands for events from before any model.
    """

    by_kind: dict[str, Counts]
    by_model: dict[int | None, Counts]
    total: Counts


def count_events(channel_id: int, since: datetime, until: datetime, using: str | None = None) -> Counted:
    """Of events from `since` until before `until`; one statement, a row for each kind and model."""
    values: dict[str, Any] = {"channel": channel_id, "since": since, "until": until}
    counted = Counted({}, {}, Counts())
    total = Counts()
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(COUNTS, values)
        for kind, model_id, *numbers in cursor.fetchall():
            counts = Counts(*numbers)
            counted.by_kind[kind] = counted.by_kind.get(kind, Counts()) + counts
            counted.by_model[model_id] = counted.by_model.get(model_id, Counts()) + counts
            total += counts
    return Counted(counted.by_kind, counted.by_model, total)
