"""What a customer sees, and why: for staff, who made the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from saleor_crm_plugin.recommendations.arranging import Candidate, arranged_of
from saleor_crm_plugin.recommendations.merchandising.reranking import Placed, excluding
from saleor_crm_plugin.recommendations.serving import Asked, Scope, placed_lists, read_candidates


@dataclass(frozen=True, slots=True)
class Entry:
    """
    Attributes:
        base_position: place in the list without rules and policy; None where it is not among the products looked at.
    """

    placed: Placed[Candidate]
    base_position: int | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    product_id: int
    base_position: int
    rule_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """
    Attributes:
        entries: the list as it is served.
        excluded: what rules keep out of the first places, as many as were asked for.
    """

    entries: list[Entry]
    excluded: list[Exclusion]


def preview(asked: Asked, scope: Scope, using: str, now: datetime | None = None) -> Preview:
    """The first places of the list that `serving.serve` gives. One statement more: without exclusions."""
    now = now or timezone.now()
    policy = scope.policy.for_list(scope.kind.value, asked.segment_ids)
    (placed,) = placed_lists([asked], scope, [policy], scope.first, 0, using, now)
    looked_at = max(scope.first, arranged_of(scope.kind))
    (given,) = read_candidates([asked], scope, [policy], looked_at, 0, using, now, with_excluded=True).candidates
    base = [candidate for candidate in given if not candidate.is_extra]
    positions = {candidate.product_id: place for place, candidate in enumerate(base, start=1)}
    entries = [Entry(one, positions.get(one.candidate.product_id)) for one in placed]
    excluded = [
        Exclusion(candidate.product_id, place, rule_ids)
        for place, candidate in enumerate(base[: scope.first], start=1)
        if (rule_ids := excluding(candidate, policy.rules))
    ]
    return Preview(entries, excluded)
