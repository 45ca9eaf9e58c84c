"""What customers spent who got personal recommendations, and who were held out: sums that `statistics.compare` needs.

Only customers who were shown a personal list count, from then on: the others cannot have been influenced, and would
blur the difference (Kohavi, Tang and Xu, "Trustworthy Online Controlled Experiments", 2020, chapter 20). Held-out ones
are shown their fallback in the same place, so both groups are chosen in the same way.

Where the share was changed, only what came after the last change counts, of everybody: those whom the change concerns
have been in their group only since, and have had less time to spend than the others. When that was, the events tell by
themselves, because who is held out follows from the profile and the share: somebody was held out, and somebody was not
whom the same share would hold out, too. The earlier one of the two is from before the change.

A customer who was in both groups all the same, because profiles were merged or separated, is in neither. Profiles that
were merged tell nothing of the share, as it was that of another profile which decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.tracking.attribution import NOT_REFUNDED
from saleor_crm_plugin.recommendations.tracking.holdout import in_holdout, profile_identity, sql_hundredth
from saleor_crm_plugin.recommendations.tracking.statistics import Sums

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {"order_orderline": ("order_id", "quantity", "is_gift", "total_price_gross_amount")}

# The lists that a model makes for one person; what goes with a product or sells in a channel is the same for all.
HELD_OUT_KINDS: Final = frozenset(
    {RecommendationKind.FOR_YOU, RecommendationKind.BUY_AGAIN, RecommendationKind.DISCOVER}
)

# The share is a whole number of hundredths (`config.tracking`), so those of a hundredth are held out together.
SPENT: Final = f"""
WITH impression AS MATERIALIZED (
    SELECT event.profile_id, COALESCE(profile.merged_into_id, profile.id) AS person, event.held_out, event.occurred_at
    FROM crm_recommendation_event event JOIN crm_customer_profile profile ON profile.id = event.profile_id
    WHERE event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
        AND event.channel_id = %(channel)s AND event.type = 'shown' AND event.kind = ANY (%(kinds)s)
), profile_shown AS (
    SELECT profile_id, max(occurred_at) FILTER (WHERE held_out) AS held_out_at,
        max(occurred_at) FILTER (WHERE NOT held_out) AS not_held_out_at
    FROM impression WHERE person = profile_id GROUP BY profile_id
), hundredth AS (
    SELECT {sql_hundredth("profile_id")} AS number, max(held_out_at) AS held_out_at,
        max(not_held_out_at) AS not_held_out_at
    FROM profile_shown
    WHERE NOT EXISTS (SELECT FROM crm_profile_merge joined WHERE joined.source_id = profile_shown.profile_id)
    GROUP BY number
), change AS MATERIALIZED (
    SELECT max(LEAST(inside.held_out_at, outside.not_held_out_at)) AS occurred_at
    FROM hundredth inside JOIN hundredth outside ON outside.number <= inside.number
    WHERE inside.held_out_at IS NOT NULL AND outside.not_held_out_at IS NOT NULL
), shown AS (
    SELECT person, min(occurred_at) AS first_at, bool_and(held_out) AS always, bool_or(held_out) AS ever
    FROM impression WHERE occurred_at > COALESCE((SELECT occurred_at FROM change), '-infinity')
    GROUP BY person
), spent AS (
    SELECT shown.person, shown.always, shown.ever, count(bought.order_id) > 0 AS has_bought,
        COALESCE(sum(line.total_price_gross_amount * {NOT_REFUNDED}), 0) AS amount
    FROM shown
    JOIN crm_customer_profile person ON person.id = shown.person
        AND person.profiling_allowed AND person.recommendations_allowed AND person.erased_at IS NULL
    LEFT JOIN crm_profile_order bought ON bought.profile_id = shown.person AND bought.counts
        AND bought.channel_id = %(channel)s AND bought.placed_at >= shown.first_at AND bought.placed_at < %(until)s
    LEFT JOIN order_orderline line ON line.order_id = bought.order_id AND line.quantity > 0 AND NOT line.is_gift
    GROUP BY shown.person, shown.always, shown.ever
)
SELECT CASE WHEN always = ever THEN ever END AS held_out, change.occurred_at, count(*) FILTER (WHERE has_bought),
    count(person), COALESCE(sum(amount), 0), COALESCE(sum(amount * amount), 0),
    COALESCE(sum(amount * amount * amount), 0)
FROM change LEFT JOIN spent ON true GROUP BY 1, 2
"""  # nosec B608  # constants only; values are parameters


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
    """Customers, those of them who bought, and the sums of what they spent, net of refunds.

    Attributes:
        buyers: who placed an order that counts, whatever was refunded of it.
        spent: the price of the lines, as in `attribution`.
    """

    buyers: int = 0
    spent: Sums = field(default_factory=Sums)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Attributes:
    changed: customers who were in both groups, and are left out.
    share_changed_at: when the share was last seen to be another one, and only what came after it counts; None where it
        was the same all the time.
    """

    others: Group = Group()
    held_out: Group = Group()
    changed: int = 0
    share_changed_at: datetime | None = None


def outcome(channel_id: int, since: datetime, until: datetime, using: str | None = None) -> Outcome:
    """Of customers shown a personal list from `since` until before `until`; one statement, three rows at most."""
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
        for held_out, (_changed_at, buyers, customers, *powers) in rows.items()
    }
    # The same in all rows, of which there is one at least.
    changed_at = next(iter(rows.values()))[0]
    changed = groups.get(None, Group()).spent.count
    return Outcome(groups.get(False, Group()), groups.get(True, Group()), changed, changed_at)
