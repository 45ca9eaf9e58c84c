"""What every model of recommendations can do: purchases in, lists of ids out, never a matrix or a position.

The contract that each must pass is tests/contract/recommender.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters


class Kind(StrEnum):
    """What a customer's list is about: all that may come next, only what was bought before, only what was not."""

    FOR_YOU = "for_you"
    BUY_AGAIN = "buy_again"
    DISCOVER = "discover"


class Scored(NamedTuple):
    """A product and how strongly it is recommended; scores compare within one list."""

    product_id: int
    score: float


class Basket(NamedTuple):
    """What is in a basket, and whose it is (None: nobody known)."""

    product_ids: Collection[int]
    customer_id: int | None = None


class Contribution(NamedTuple):
    """A product bought before that speaks for a recommendation, with its part of the score (they add up to 1)."""

    product_id: int
    share: float


class Model(ABC):
    """Learnt from a `PurchaseHistory`."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, history: PurchaseHistory, parameters: Parameters | None = None) -> Self:
        """Learn. Any history will do, also an empty one."""

    @abstractmethod
    def recommend(
        self, customer_ids: Collection[int], first: int = 10, kind: Kind = Kind.FOR_YOU
    ) -> dict[int, list[Scored]]:
        """A list for each customer, best first, without repeats. A customer without a past gets what sells most, and
        nothing for BUY_AGAIN.
        """

    @abstractmethod
    def complete(self, baskets: Sequence[Basket], first: int = 10) -> list[list[Scored]]:
        """For each basket what may be missing, best first; nothing that it holds. Unknown products are ignored."""

    @abstractmethod
    def similar(self, product_ids: Collection[int], first: int = 10) -> dict[int, list[Scored]]:
        """Products that could take the place of each, best first; an empty list where none is known."""

    @abstractmethod
    def explain(self, customer_id: int, product_id: int) -> list[Contribution]:
        """Which of the customer's purchases speak for the product, the strongest first; empty where none does."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write everything to one file."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ModelFileError: the file is not one, is damaged, of another model, or of another version.
        """
