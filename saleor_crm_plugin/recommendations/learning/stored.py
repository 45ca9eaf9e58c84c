"""What a trained model leaves in the tables: lists of ids."""

from __future__ import annotations

from typing import NamedTuple

# In `PersonalList.reason_product_ids` where no product leads to another. Saleor's ids begin at 1.
NO_REASON = 0
BESTSELLERS, TRENDING = "bestsellers", "trending"


class RelatedList(NamedTuple):
    """What goes with a product, best first: ids, scores, share (0 to 1) of its purchases that hold the other."""

    product_id: int
    related_ids: list[int]
    scores: list[float]
    confidences: list[float]


class PersonalList(NamedTuple):
    """What a customer may want next, best first. Units as of `lists.PersonalLists`, with ids for positions.

    Attributes:
        amounts: how much was bought, which counts beside what goes with a basket; empty: the scores say it.
        due_days: days after the end of the history at which the customer is expected to buy it again; None where not
            known, or not bought before.
        rhythm_days: days between the customer's purchases of it; None likewise. Either may be empty: nothing is known.
    """

    customer_id: int
    product_ids: list[int]
    scores: list[float]
    reason_kinds: list[int]
    reason_product_ids: list[int]
    reason_values: list[float]
    amounts: list[float]
    due_days: list[float | None]
    rhythm_days: list[float | None]


class PopularList(NamedTuple):
    """What a channel, or a category in it, sells most of late (`kind` "bestsellers"; the scores are baskets), or more
    of than before ("trending"; sales as a multiple of those before), best first.

    Attributes:
        category_id: 0 for the whole channel.
    """

    kind: str
    channel_id: int
    category_id: int
    product_ids: list[int]
    scores: list[float]
