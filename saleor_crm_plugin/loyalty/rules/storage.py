"""Earning rules and their uses in the database: a constant number of statements, however many rules and customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, models
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.rules.definition import RuleDefinition, RuleUsage
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleUse, EarningRuleVersion, RuleStatus


@dataclass(frozen=True, slots=True)
class LiveRule:
    """A rule in force, or on trial. For actions, those count that happen from `in_force_since` on."""

    rule_id: int
    version: int
    name: str
    definition: RuleDefinition
    is_dry_run: bool
    in_force_since: datetime | None = None


class RuleUse(NamedTuple):
    """Points that a rule gives an account for an occasion; a later one for the same occasion takes its place."""

    rule_id: int
    version: int
    account_id: int
    occasion: str
    points: int
    is_dry_run: bool
    used_at: datetime


_NAMED_SEGMENTS = """
SELECT DISTINCT named.segment
FROM crm_earning_rule AS rule
LEFT JOIN LATERAL jsonb_array_elements_text(rule.definition #> '{conditions,segments}') AS named (segment)
    ON rule.deleted_at IS NULL AND rule.status <> %s
WHERE rule.program_id = %s
"""


def named_segments(program_id: int, using: str) -> frozenset[str] | None:
    """Names of the segments that rules ask for which are LIVE or on DRY_RUN; None: there never was a rule at all.

    One statement.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_NAMED_SEGMENTS, [RuleStatus.OFF.value, program_id])
        rows = cursor.fetchall()
    return frozenset(name for (name,) in rows if name is not None) if rows else None


def segments_named_by(rules: Iterable[LiveRule]) -> frozenset[str]:
    """Names of the segments that any of the rules asks for."""
    return frozenset(name for rule in rules for name in rule.definition.conditions.segments)


@partial(CompiledQuery, "program_id")
def _rules_of_programs() -> QuerySet[Any, Any]:
    kept = EarningRule.objects.filter(deleted_at__isnull=True).exclude(status=RuleStatus.OFF)
    return kept.values_list("pk", "version", "name", "definition", "status", "in_force_since")


def live_rules(program_id: int, using: str) -> list[LiveRule]:
    """Rules that are LIVE or on DRY_RUN, highest priority first. One statement."""
    rules = [
        LiveRule(pk, version, name, RuleDefinition.from_json(definition), status == RuleStatus.DRY_RUN, since)
        for pk, version, name, definition, status, since in _rules_of_programs([program_id], using)
    ]
    return sorted(rules, key=lambda rule: (-rule.definition.priority, rule.rule_id))


def definitions(versions: Collection[tuple[int, int]], using: str) -> dict[tuple[int, int], tuple[str, RuleDefinition]]:
    """Name and terms of (rule, version) pairs, as they were. One statement, or none for no pairs."""
    if not versions:
        return {}
    rows = (
        EarningRuleVersion.objects.using(using)
        .filter(rule_id__in={rule_id for rule_id, _ in versions})
        .values_list("rule_id", "version", "rule__name", "definition")
    )
    return {
        (rule_id, version): (name, RuleDefinition.from_json(definition))
        for rule_id, version, name, definition in rows
        if (rule_id, version) in versions
    }


def lock_rules(rule_ids: Collection[int], using: str) -> None:
    """Make others that give points from the same budgets wait. To be called before accounts are locked."""
    if rule_ids:
        list(
            EarningRule.objects.using(using)
            .select_for_update()
            .filter(pk__in=rule_ids)
            .order_by("pk")
            .values_list("pk", flat=True)
        )


class UsageQuestion(NamedTuple):
    """What was used of a rule by an account in a period (None: open), but for one occasion.

    `of_all`: by everybody together as well. `is_dry_run`: what it would have given while on trial, and nothing else.
    """

    rule_id: int
    account_id: int
    since: datetime | None
    until: datetime | None
    occasion: str
    of_all: bool
    is_dry_run: bool

    def covers(self, moment: datetime) -> bool:
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)


_USAGE = """
SELECT question.number, customer.points, customer.uses, everybody.points
FROM unnest(
    %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::bool[], %s::bool[]
) WITH ORDINALITY AS question (rule_id, account_id, since, until, occasion, of_all, is_dry_run, number)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(points), 0) AS points, count(*) FILTER (WHERE points > 0) AS uses
    FROM crm_earning_rule_use AS used
    WHERE used.account_id = question.account_id AND used.rule_id = question.rule_id
        AND (question.since IS NULL OR used.used_at >= question.since)
        AND (question.until IS NULL OR used.used_at < question.until)
        AND used.occasion <> question.occasion AND used.is_dry_run = question.is_dry_run
) AS customer
CROSS JOIN LATERAL (
    SELECT coalesce(sum(points), 0) AS points FROM crm_earning_rule_use AS used
    WHERE question.of_all AND used.rule_id = question.rule_id AND used.is_dry_run = question.is_dry_run
        AND NOT (used.account_id = question.account_id AND used.occasion = question.occasion)
) AS everybody
ORDER BY question.number
"""


def usages(questions: Sequence[UsageQuestion], using: str) -> list[RuleUsage]:
    """What limits are measured against, in the order of the questions. Two statements.

    What accounts have used that were merged into the customer's counts as the customer's.
    """
    if not questions:
        return []
    merged = accounts.merged_into({question.account_id for question in questions}, using)
    asked = list(enumerate(questions))
    for number, question in enumerate(questions):
        asked += [
            (number, question._replace(account_id=account_id, of_all=False))
            for account_id in sorted(merged.get(question.account_id, ()))
        ]
    found = [RuleUsage()] * len(questions)
    with connections[using].cursor() as cursor:
        cursor.execute(_USAGE, [list(column) for column in zip(*(question for _, question in asked), strict=True)])
        for (number, _), (_, points, uses, total) in zip(asked, cursor.fetchall(), strict=True):
            before = found[number]
            found[number] = RuleUsage(
                customer_points=before.customer_points + int(points),
                customer_uses=before.customer_uses + uses,
                total_points=before.total_points + int(total),
            )
    return found


@dataclass(frozen=True, slots=True)
class UseSummary:
    """What a rule has given: `points` to `customers`; `dry_run_points` it would have given while on trial."""

    points: int = 0
    customers: int = 0
    dry_run_points: int = 0


def summaries(rule_ids: Collection[int], using: str) -> dict[int, UseSummary]:
    """What each rule has given, by rule id. One statement."""
    given = models.Q(is_dry_run=False, points__gt=0)
    rows = (
        EarningRuleUse.objects.using(using)
        .filter(rule_id__in=rule_ids)
        .values("rule_id")
        .annotate(
            given=models.Sum("points", filter=given, default=0),
            # Customers who were merged are one.
            customers=models.Count(
                Coalesce("account__profile__merged_into_id", "account__profile_id"), filter=given, distinct=True
            ),
            tried=models.Sum("points", filter=models.Q(is_dry_run=True), default=0),
        )
    )
    return {row["rule_id"]: UseSummary(row["given"], row["customers"], row["tried"]) for row in rows}


_RECORD = """
INSERT INTO crm_earning_rule_use (rule_id, version, account_id, occasion, points, is_dry_run, used_at)
SELECT * FROM unnest(
    %s::bigint[], %s::int[], %s::bigint[], %s::text[], %s::bigint[], %s::bool[], %s::timestamptz[]
)
ON CONFLICT (rule_id, account_id, occasion) DO UPDATE SET points = excluded.points, version = excluded.version,
    is_dry_run = excluded.is_dry_run
"""


def record_uses(uses: Iterable[RuleUse], using: str) -> None:
    """Store what rules have given. One statement."""
    latest = {(use.rule_id, use.account_id, use.occasion): use for use in uses}
    if latest:
        with connections[using].cursor() as cursor:
            cursor.execute(_RECORD, [list(column) for column in zip(*latest.values(), strict=True)])


class KeptNoMore(NamedTuple):
    """Points of an order that an account was forgiven, and that were taken after all."""

    order_id: UUID
    account_id: int
    points: int


_FREE = """
UPDATE crm_earning_rule_use AS used
SET points = floor(used.points * kept.points / (kept.points + taken.points))
FROM (
    SELECT order_id, account_id, sum(points) AS points FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[])
        AS each (order_id, account_id, points)
    GROUP BY order_id, account_id
) AS taken
CROSS JOIN LATERAL (
    SELECT greatest(coalesce(sum(entry.points), 0), 0) AS points FROM crm_points_transaction AS entry
    WHERE entry.order_id = taken.order_id AND entry.type IN ('earn', 'earn_reversal', 'waiver')
        AND coalesce((entry.breakdown ->> 'account')::bigint, entry.account_id) = taken.account_id
        -- What has expired came back.
        AND NOT (entry.type = 'waiver' AND entry.idempotency_key LIKE '%%:expired')
) AS kept
WHERE used.account_id = taken.account_id AND used.occasion = 'order:' || taken.order_id AND NOT used.is_dry_run
"""


def free_uses(taken: Collection[KeptNoMore], using: str) -> None:
    """Lower the uses of orders in proportion to what their accounts have still kept of them, after the ledger was
    written. One statement, none for nothing.
    """
    if taken:
        with connections[using].cursor() as cursor:
            cursor.execute(_FREE, [list(column) for column in zip(*taken, strict=True)])
