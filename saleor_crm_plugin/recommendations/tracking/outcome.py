"""What customers spent who got personal recommendations, and who were held out: sums that `statistics.compare` needs.

Only customers who were shown a personal list count, from then on: the others cannot have been influenced, and would
blur the difference (Kohavi, Tang and Xu, "Trustworthy Online Controlled Experiments", 2020, chapter 20). Held-out ones
are shown their fallback in the same place, so both groups are chosen in the same way. A customer who was in both
groups, because the share was changed or profiles were merged, is in neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.tracking.holdout import in_holdout, profile_identity
from saleor_crm_plugin.recommendations.tracking.statistics import Sums

# The lists that a model makes for one person; what goes with a product or sells in a channel is the same for all.
HELD_OUT_KINDS: Final = frozenset(
    {RecommendationKind.FOR_YOU, RecommendationKind.BUY_AGAIN, RecommendationKind.DISCOVER}
)

SPENT: Final = """
WITH shown AS (
    SELECT COALESCE(profile.merged_into_id, profile.id) AS person, min(event.occurred_at) AS first_at,
        bool_and(event.held_out) AS always, bool_or(event.held_out) AS ever
    FROM crm_recommendation_event event JOIN crm_customer_profile profile ON profile.id = event.profile_id
    WHERE event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
        AND event.channel_id = %(channel)s AND event.type = 'shown' AND event.kind = ANY (%(kinds)s)
    GROUP BY person
), spent AS (
    SELECT shown.person, shown.always, shown.ever,
        COALESCE(sum(GREATEST(bought.gross_amount - bought.refunded_amount, 0)), 0) AS amount
    FROM shown
    JOIN crm_customer_profile person ON person.id = shown.person
        AND person.profiling_allowed AND person.recommendations_allowed AND person.erased_at IS NULL
    LEFT JOIN crm_profile_order bought ON bought.profile_id = shown.person AND bought.counts
        AND bought.channel_id = %(channel)s AND bought.placed_at >= shown.first_at AND bought.placed_at < %(until)s
    GROUP BY shown.person, shown.always, shown.ever
)
SELECT CASE WHEN always = ever THEN ever END AS held_out, count(*), count(*) FILTER (WHERE amount > 0),
    sum(amount), sum(amount * amount), sum(amount * amount * amount)
FROM spent GROUP BY 1
"""


def is_held_out(profile_id: int, kind: str, share: float) -> bool:
    """Whether a person gets the fallback for this kind of list.

    Args:
        profile_id: of the head of the person's family.
    """
    return kind in HELD_OUT_KINDS and in_holdout(profile_identity(profile_id), share)


def served_as(profile_id: int | None, kind: str, share: float) -> int | None:
    """Whose list of this kind a customer gets: the own one, or, held out, that of somebody unknown."""
    return None if profile_id is None or is_held_out(profile_id, kind, share) else profile_id


@dataclass(frozen=True, slots=True)
class Group:
    """Customers, those of them who bought, and the sums of what they spent, net of refunds."""

    buyers: int = 0
    spent: Sums = field(default_factory=Sums)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Attributes:
    changed: customers who were in both groups, and are left out.
    """

    others: Group = Group()
    held_out: Group = Group()
    changed: int = 0


def outcome(channel_id: int, since: datetime, until: datetime, using: str | None = None) -> Outcome:
    """Of customers shown a personal list from `since` until before `until`; one statement, three rows."""
    values: dict[str, Any] = {
        "channel": channel_id,
        "since": since,
        "until": until,
        "kinds": [kind.value for kind in HELD_OUT_KINDS],
    }
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(SPENT, values)
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    groups = {
        held_out: Group(buyers, Sums(customers, *(Fraction(power) for power in powers)))
        for held_out, (customers, buyers, *powers) in rows.items()
    }
    changed = groups.get(None, Group()).spent.count
    return Outcome(groups.get(False, Group()), groups.get(True, Group()), changed)
