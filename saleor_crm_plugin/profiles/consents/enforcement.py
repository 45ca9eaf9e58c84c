"""What a refusal takes away: whatever was computed about the customer beyond what orders need.

Orders, metrics of money and time, points and tiers stay. Level-triggered: it goes by the flags on the profile as they
are, so that it can be repeated, and so that a job that wrote meanwhile what it should not is put right the next night.
Every job that computes something about customers leaves out those without `profiling_allowed`, and whoever is erased
or merged; what this module blanks, it must not fill again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.profiles.consents.models import ConsentPolicy
from saleor_crm_plugin.profiles.models import CustomerProfile, PredictionStatus, ProfileMetrics

# Profiles in one transaction, as in `metrics`.
BATCH_SIZE: Final = 10_000

_LOCK = "SELECT id FROM crm_customer_profile WHERE id = ANY (%(profiles)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
# The trigger sees to records; this is for a policy that has changed.
_FOLLOW = """
WITH should AS MATERIALIZED (
    SELECT id, crm_consents_allow(id, 'profiling') AS profiling,
           crm_consents_allow(id, 'recommendations') AS recommendations
    FROM crm_customer_profile WHERE id = ANY (%(profiles)s::bigint[])
)
UPDATE crm_customer_profile profile
SET profiling_allowed = should.profiling, recommendations_allowed = should.profiling AND should.recommendations
FROM should
WHERE should.id = profile.id
  AND (profile.profiling_allowed, profile.recommendations_allowed)
      IS DISTINCT FROM (should.profiling, should.profiling AND should.recommendations)
"""
_REFUSALS = """
SELECT id, profiling_allowed FROM crm_customer_profile
WHERE id = ANY (%(profiles)s::bigint[]) AND NOT (profiling_allowed AND recommendations_allowed)
ORDER BY id
"""
# Rows in key order, as in `metrics` and `rfm`.
_BLANK_METRICS = f"""
WITH known AS (
    SELECT id FROM crm_profile_metrics
    WHERE profile_id = ANY (%(refusing)s::bigint[])
      AND (num_nonnulls(recency_score, frequency_score, monetary_score, predicted_clv, predicted_orders,
                        probability_alive, churn_probability, expected_next_order_at) > 0
           OR rfm_group <> '' OR prediction_status <> '{PredictionStatus.REFUSED.value}')
    ORDER BY profile_id, currency FOR NO KEY UPDATE
)
UPDATE crm_profile_metrics metrics
SET recency_score = NULL, frequency_score = NULL, monetary_score = NULL, rfm_group = '',
    prediction_status = '{PredictionStatus.REFUSED.value}', predicted_clv = NULL, predicted_orders = NULL,
    probability_alive = NULL, churn_probability = NULL, expected_next_order_at = NULL
FROM known WHERE known.id = metrics.id
"""  # nosec B608  # constants only; values are parameters
# Until the next forecast nothing is known of those who allow it again.
_UNBLANK_STATUS = f"""
WITH refused AS (
    SELECT id FROM crm_profile_metrics
    WHERE profile_id = ANY (%(allowing)s::bigint[]) AND prediction_status = '{PredictionStatus.REFUSED.value}'
    ORDER BY profile_id, currency FOR NO KEY UPDATE
)
UPDATE crm_profile_metrics metrics SET prediction_status = '{PredictionStatus.INSUFFICIENT_DATA.value}'
FROM refused WHERE refused.id = metrics.id
"""  # nosec B608  # constants only; values are parameters
_BLANK_STAGE = """
UPDATE crm_customer_profile SET lifecycle_stage = '', lifecycle_since = NULL
WHERE id = ANY (%(refusing)s::bigint[]) AND (lifecycle_stage <> '' OR lifecycle_since IS NOT NULL)
"""
# Where the two of a merge stood, also of one that is undone. What else it has noted, a separation needs, and nothing of
# it was computed.
_FORGET_CARRIED = """
WITH persons AS (
    SELECT id FROM crm_customer_profile
    WHERE id = ANY (%(refusing)s::bigint[]) OR merged_into_id = ANY (%(refusing)s::bigint[])
), about AS (
    SELECT merge.id FROM persons JOIN crm_profile_merge merge ON merge.source_id = persons.id
    UNION
    SELECT merge.id FROM persons JOIN crm_profile_merge merge ON merge.target_id = persons.id
), known AS (
    SELECT merge.id FROM crm_profile_merge merge JOIN about USING (id)
    WHERE merge.carried ?| '{segments,memberships,source_stage,target_stage}'::text[]
    ORDER BY merge.id FOR NO KEY UPDATE OF merge
)
UPDATE crm_profile_merge merge
SET carried = merge.carried - '{segments,memberships,source_stage,target_stage}'::text[]
FROM known WHERE known.id = merge.id
"""
_LEAVE_SEGMENTS = "DELETE FROM crm_segment_membership WHERE profile_id = ANY (%(refusing)s::bigint[])"


@dataclass(frozen=True, slots=True)
class Refusals:
    """Profiles that may not be profiled, and those that get no personal recommendations (all of the former, too)."""

    profiling: list[int]
    recommendations: list[int]


def enforce_consents(profile_ids: Collection[int], using: str | None = None) -> Refusals:
    """Blank what those of the profiles who refuse do not allow. The caller has locked the profiles, in a transaction.

    Six SQL statements at most.
    """
    alias = using or DEFAULT_DB_ALIAS
    with connections[alias].cursor() as cursor:
        cursor.execute(_REFUSALS, {"profiles": list(profile_ids)})
        rows: list[tuple[int, bool]] = cursor.fetchall()
        refusals = Refusals([profile_id for profile_id, allowed in rows if not allowed], [row[0] for row in rows])
        if allowing := sorted(set(profile_ids).difference(refusals.profiling)):
            cursor.execute(_UNBLANK_STATUS, {"allowing": allowing})
        if refusals.profiling:
            for statement in (_BLANK_METRICS, _BLANK_STAGE, _LEAVE_SEGMENTS, _FORGET_CARRIED):
                cursor.execute(statement, {"refusing": refusals.profiling})
    return refusals


def set_policy(consent_required: bool, using: str | None = None) -> None:
    """Say what silence means, for profiles that are made from now on. `follow_policy` brings it to the others."""
    ConsentPolicy.objects.using(using or DEFAULT_DB_ALIAS).update_or_create(
        pk=1, defaults={"consent_required": consent_required}
    )


def policy_still_is(consent_required: bool, using: str) -> bool:
    """Whether that is the policy; until the transaction ends, nobody sets another."""
    policy = ConsentPolicy.objects.using(using).select_for_update().filter(pk=1, consent_required=consent_required)
    return bool(policy)


def follow_policy(profile_ids: Collection[int], using: str | None = None) -> Refusals:
    """Bring profiles in line with their records and the policy as they are now. One transaction."""
    alias = using or DEFAULT_DB_ALIAS
    parameters = {"profiles": list(profile_ids)}
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(_LOCK, parameters)
        cursor.execute(_FOLLOW, parameters)
        return enforce_consents(profile_ids, alias)


def all_profiles(using: str | None = None, batch_size: int = BATCH_SIZE) -> Iterator[list[int]]:
    """Ids of all profiles, merged ones too: one that is separated again must be as its records say."""
    return key_batches(CustomerProfile.objects.using(using or DEFAULT_DB_ALIAS), batch_size)


def without_profiling(metrics: ProfileMetrics) -> ProfileMetrics:
    """The metrics as they may be shown of whoever refuses profiling, whatever a job may just have written."""
    metrics.recency_score = metrics.frequency_score = metrics.monetary_score = None
    metrics.rfm_group = ""
    metrics.prediction_status = PredictionStatus.REFUSED
    metrics.predicted_clv = metrics.predicted_orders = metrics.probability_alive = metrics.churn_probability = None
    metrics.expected_next_order_at = None
    return metrics
