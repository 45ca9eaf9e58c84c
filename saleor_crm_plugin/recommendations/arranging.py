"""The stage between what may be recommended and what is: candidates in, best first; a page of recommendations out.

Pure, so that a rule can be tested, and a preview computed, without a shop. With the empty `Policy` the candidates keep
their order, and serving reads no more of them than the page holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from saleor_crm_plugin.recommendations.reasons import ReasonParts, Recommendation, reason_of

# "At most N in ten": places among which the products of one category are counted.
DIVERSITY_WINDOW: Final = 10
# Candidates read for each list where a policy may put them in another order. Lists of one person hold 150 products,
# those of a product 50 (`learning.parameters`): with these, a policy sees all that was learnt and some of the rest.
CANDIDATES_WITH_POLICY: Final = 300


class Source(IntEnum):
    """Where a candidate comes from, in the order in which a list is filled."""

    # What was learnt, or what the kind of list is about.
    LEARNT = 1
    # Alike by what the shop says about the products: attributes, collections, category, type.
    CONTENT = 2
    CATEGORY = 3
    CHANNEL = 4
    NEWEST = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that the channel sells now and that may stand in the list.

    Attributes:
        score: can be compared among candidates of one list and one source only.
        category_id: the category that the product stands in; None for a product without one.
    """

    product_id: int
    score: float
    source: Source
    category_id: int | None
    reason: ReasonParts


@dataclass(frozen=True, slots=True)
class Policy:
    """What the shop wants beyond what was learnt. The default wants nothing.

    Attributes:
        most_of_category: at most so many products of one category among any `DIVERSITY_WINDOW` places that follow each
            other, as long as there are others; None: any number.
    """

    most_of_category: int | None = None

    def changes_order(self) -> bool:
        """Whether more candidates must be read than the page holds."""
        return self.most_of_category is not None

    def candidates_wanted(self, first: int, offset: int) -> int:
        """How many candidates serving has to read for a page."""
        wanted = first + offset
        return max(wanted, CANDIDATES_WITH_POLICY) if self.changes_order() else wanted


NO_POLICY: Final = Policy()


def arrange(candidates: Sequence[Candidate], policy: Policy, first: int, offset: int = 0) -> list[Recommendation]:
    """The page of `first` recommendations after the first `offset`.

    Args:
        candidates: best first, each product once.
    """
    arranged = candidates
    if policy.most_of_category is not None:
        arranged = diverse(candidates, policy.most_of_category)
    return [
        Recommendation(candidate.product_id, candidate.score, reason_of(candidate.reason))
        for candidate in arranged[offset : offset + first]
    ]


def diverse(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """The candidates in an order in which no category stands too often in any `DIVERSITY_WINDOW` places.

    Each place takes the best candidate left whose category is not full in the places before it, and the best one left
    where all are full: a list is never shorter for being diverse. Products without a category are never full.
    """
    left = list(candidates)
    arranged: list[Candidate] = []
    while left:
        near = [candidate.category_id for candidate in arranged[-(DIVERSITY_WINDOW - 1) :]]
        chosen = next(
            (
                place
                for place, candidate in enumerate(left)
                if candidate.category_id is None or near.count(candidate.category_id) < most
            ),
            0,
        )
        arranged.append(left.pop(chosen))
    return arranged
