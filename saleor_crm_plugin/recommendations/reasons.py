"""Why a product is in a list, in a form that a shop can show, translate or style."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from saleor_crm_plugin.recommendations.models import ReasonKind


class ReasonCode(StrEnum):
    """Why a product was recommended, as programs see it."""

    BOUGHT_BEFORE = "bought_before"
    BOUGHT_TOGETHER = "bought_together"
    SIMILAR = "similar"
    POPULAR = "popular"
    TRENDING = "trending"
    NEW = "new"
    VIEWED = "viewed"
    FEATURED = "featured"


class Served(IntEnum):
    """Reasons that are found when a list is served, and never stored. Numbered after those of `ReasonKind`."""

    NEW = 5
    TRENDING = 6
    # Bought together with a product that the list was asked for: of a product page or a cart.
    GOES_WITH = 7
    # Bought together with what the customer bought after the model had learnt.
    JUST_BOUGHT = 8
    POPULAR_IN_CATEGORY = 9
    NEW_IN_CATEGORY = 10
    VIEWED = 11
    # Only there because a merchandising rule puts it there.
    FEATURED = 12


_CODES: dict[int, ReasonCode] = {
    ReasonKind.BOUGHT_BEFORE: ReasonCode.BOUGHT_BEFORE,
    ReasonKind.BOUGHT_TOGETHER: ReasonCode.BOUGHT_TOGETHER,
    ReasonKind.SIMILAR: ReasonCode.SIMILAR,
    ReasonKind.POPULAR: ReasonCode.POPULAR,
    Served.NEW: ReasonCode.NEW,
    Served.TRENDING: ReasonCode.TRENDING,
    Served.GOES_WITH: ReasonCode.BOUGHT_TOGETHER,
    Served.JUST_BOUGHT: ReasonCode.BOUGHT_TOGETHER,
    Served.POPULAR_IN_CATEGORY: ReasonCode.POPULAR,
    Served.NEW_IN_CATEGORY: ReasonCode.NEW,
    Served.VIEWED: ReasonCode.VIEWED,
    Served.FEATURED: ReasonCode.FEATURED,
}

# English, by message id. A storefront that speaks another language has its own texts under the same ids, and puts the
# arguments of the reason into them.
TEMPLATES: Mapping[str, str] = {
    "due_now": "Due about now: you buy it every {days} days",
    "bought_regularly": "You buy it every {days} days",
    "bought_often": "You have bought this {count} times",
    "bought_once": "You have bought this before",
    "because_you_bought": "Because you bought {product}",
    "because_you_just_bought": "Because you have just bought {product}",
    "bought_together_with": "Bought together in {percent} % of baskets with {product}",
    "goes_with": "Goes well with {product}",
    "bought_together": "Goes well with what you bought",
    "similar_to": "Similar to {product}",
    "similar": "Similar to what you are looking at",
    "trending": "Sells {times} times as much as before",
    "selling_more": "Sells more than before",
    "popular": "Popular in this shop",
    "popular_in_category": "Popular in this category",
    "new": "New in this shop",
    "new_in_category": "New in this category",
    "viewed": "You have looked at this",
    "featured": "Recommended by this shop",
}


@dataclass(frozen=True, slots=True)
class ReasonParts:
    """A reason as serving finds it, not yet in words.

    Attributes:
        kind: a value of `ReasonKind` or `Served`.
        value: see `Reason.value`.
        product_id: the product that led to it, None where there is none or the channel no longer sells it.
        product_name: its name.
        rhythm_days: days between this customer's purchases of it, where known.
        expected_at: when the customer is expected to buy it again, where known.
        is_due: that moment is near, or over.
    """

    kind: int
    value: float | None = None
    product_id: int | None = None
    product_name: str | None = None
    rhythm_days: float | None = None
    expected_at: datetime.datetime | None = None
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a product was recommended.

    Attributes:
        kind: for programs.
        message: key of `TEMPLATES`, for translation.
        text: one English sentence, for people.
        arguments: what stands in the template's braces, by name.
        product_ids: the products behind it, of those that the channel still sells; may be empty.
        value: number of purchases (`BOUGHT_BEFORE`), share of purchases, 0 to 1 (`BOUGHT_TOGETHER`, `SIMILAR`), or
            sales as a multiple of those before (`TRENDING`).
        expected_at: when the customer is expected to buy it again (`BOUGHT_BEFORE`, where known).
    """

    kind: ReasonCode
    message: str
    text: str
    product_ids: tuple[int, ...]
    value: float | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    expected_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A product, how strongly it is recommended, and why.

    The order of the list is the recommendation; scores can be compared among those of its entries that have the same
    kind of reason.
    """

    product_id: int
    score: float
    reason: Reason


def reason_of(parts: ReasonParts) -> Reason:
    """Put a reason into words."""
    message, arguments = _message(parts)
    return Reason(
        kind=_CODES[parts.kind],
        message=message,
        text=TEMPLATES[message].format(**arguments),
        product_ids=() if parts.product_id is None else (parts.product_id,),
        value=parts.value,
        arguments=arguments,
        expected_at=parts.expected_at,
    )


def _message(parts: ReasonParts) -> tuple[str, dict[str, str]]:
    name = {"product": parts.product_name} if parts.product_name else {}
    match parts.kind:
        case ReasonKind.BOUGHT_BEFORE:
            return _of_purchases(parts)
        case ReasonKind.BOUGHT_TOGETHER:
            return ("because_you_bought" if name else "bought_together"), name
        case Served.JUST_BOUGHT:
            return ("because_you_just_bought" if name else "bought_together"), name
        case Served.GOES_WITH:
            percent = round((parts.value or 0) * 100)
            # Below one percent a figure would rather put people off.
            if name and percent >= 1:
                return "bought_together_with", {"percent": str(percent), **name}
            return ("goes_with" if name else "bought_together"), name
        case ReasonKind.SIMILAR:
            return ("similar_to" if name else "similar"), name
        case Served.TRENDING:
            times = f"{parts.value or 0:.1f}".removesuffix(".0")
            # One and a half times as much is news, 1.04 times is not.
            return ("trending", {"times": times}) if (parts.value or 0) >= 1.5 else ("selling_more", {})
        case Served.POPULAR_IN_CATEGORY:
            return "popular_in_category", {}
        case Served.NEW_IN_CATEGORY:
            return "new_in_category", {}
        case Served.NEW:
            return "new", {}
        case Served.VIEWED:
            return "viewed", {}
        case Served.FEATURED:
            return "featured", {}
    return "popular", {}


def _of_purchases(parts: ReasonParts) -> tuple[str, dict[str, str]]:
    days = round(parts.rhythm_days or 0)
    # "Every 1 days": who buys it daily needs no reminder, and the count says it better.
    if days > 1:
        return ("due_now" if parts.is_due else "bought_regularly"), {"days": str(days)}
    count = round(parts.value or 0)
    return ("bought_often", {"count": str(count)}) if count > 1 else ("bought_once", {})
