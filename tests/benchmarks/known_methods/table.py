"""Which method answers which question, and what each is tuned over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.benchmarks.known_methods import carts, factors, items, linear, neighbours, personal, popular


class Method(NamedTuple):
    """
    Attributes:
        fit: from a history and chosen parameters to scores.
        grid: parameter -> values to try, one parameter after the other.
    """

    name: str
    fit: Callable[..., Any]
    grid: Mapping[str, Sequence[Any]] = {}


_DAYS = (7, 14, 28)
_HALF_LIVES = (30, 45, 60, 90, 120, 180)
_BM25 = {"k1": (0.2, 1.2, 100), "b": (0.2, 0.75), "neighbours": (100, 500)}
_ALS = {"confidence": (1.0, 10.0), "factors": (64, 128), "regularization": (0.01, 1.0)}
_EASE = {"frequencies": (False, True), "regularization": (200, 500, 1_000)}
_SUPPORTS = (1, 3, 5)
_OWN = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_BASKET_EASE = {"regularization": (50, 200, 500)}

BESTSELLERS = Method("bestsellers", popular.bestsellers, {"days": _DAYS})
BM25 = Method("BM25 (implicit)", factors.bm25, _BM25)
ALS = Method("ALS (implicit)", factors.als, _ALS)
EASE = Method("EASE, 6,000 products", linear.ease, _EASE)
COSINE = Method("item cosine", items.item_cosine, {"frequencies": (False, True)})

NEXT_BASKET = (
    BESTSELLERS._replace(name="bestsellers, 14 days", grid={}),
    Method("personal frequency", personal.frequency),
    Method("personal frequency, ties by trend", personal.frequency_and_trend, {"days": _DAYS}),
    Method("personal frequency with decay", personal.frequency_with_decay, {"half_life_days": _HALF_LIVES}),
    Method(
        "TIFU-KNN",
        neighbours.tifu_knn,
        {
            "across": (0.6, 0.8, 0.9, 0.95),
            "within": (0.9, 1.0),
            "group": (3, 7),
            "neighbours": (100, 300, 900),
            "own_share": (0.2, 0.5, 0.7, 0.9),
        },
    ),
    Method(
        "UP-CF",
        neighbours.up_cf,
        {
            "recent": (10, 25, 50, 100),
            "locality": (1, 5, 10, 25, 50),
            "asymmetry": (0.0, 0.25, 0.5, 0.75),
        },
    ),
    COSINE,
    BM25,
    ALS,
    Method(
        "BPR (implicit)",
        factors.bpr,
        {"learning_rate": (0.01, 0.05)},
    ),
    EASE,
)

EXPLORE = (
    BESTSELLERS,
    COSINE,
    BM25,
    ALS,
    EASE,
    Method("EASE and recent popularity", linear.ease, {"popularity_power": (0.25, 0.5, 1.0, 2.0), **_EASE}),
)

CART = (
    Method("bestsellers", popular.basket_bestsellers, {"days": _DAYS}),
    Method("raw co-purchase counts", items.basket_counts),
    Method("lift", items.basket_lift, {"support": (3, 10, 30)}),
    Method("Jaccard", items.basket_jaccard, {"support": _SUPPORTS}),
    Method("EASE on baskets", linear.basket_ease, _BASKET_EASE),
    Method("own history", carts.own_history, {"half_life_days": _HALF_LIVES}),
    Method("EASE and own history", carts.ease_and_own, {"own": _OWN, "half_life_days": (60, 90, 120), **_BASKET_EASE}),
    Method(
        "cosine and own history",
        carts.cosine_and_own,
        {"own": _OWN, "half_life_days": (60, 90, 120), "support": _SUPPORTS},
    ),
)

METHODS: Mapping[str, Sequence[Method]] = {
    "next_basket": NEXT_BASKET,
    "explore": EXPLORE,
    "cart": CART,
    "cart_by_category": CART,
}
