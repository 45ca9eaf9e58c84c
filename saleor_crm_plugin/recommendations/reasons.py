"""Why a product is in a list, in a form that a shop can show, translate or style."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from saleor_crm_plugin.recommendations.models import ReasonKind


class ReasonCode(StrEnum):
    """Why a product was recommended, as programs see it."""

    BOUGHT_BEFORE = "bought_before"
    BOUGHT_TOGETHER = "bought_together"
    SIMILAR = "similar"
    POPULAR = "popular"
    NEW = "new"


# Never stored, only served: nothing was learnt, and the shop's newest products fill the list.
NEW = 5

_CODES: dict[int, ReasonCode] = {
    ReasonKind.BOUGHT_BEFORE: ReasonCode.BOUGHT_BEFORE,
    ReasonKind.BOUGHT_TOGETHER: ReasonCode.BOUGHT_TOGETHER,
    ReasonKind.SIMILAR: ReasonCode.SIMILAR,
    ReasonKind.POPULAR: ReasonCode.POPULAR,
    NEW: ReasonCode.NEW,
}

# English, and the message ids by which a storefront finds its own wording: `kind` plus the products is enough for one.
TEMPLATES = {
    "bought_once": "You have bought this before",
    "bought_often": "You have bought this {count} times",
    "bought_together_with": "In {percent} % of the purchases of {product}",
    "bought_together": "Goes well with what you bought",
    "similar_to": "Similar to {product}",
    "similar": "Similar to what you are looking at",
    "popular": "Popular in this shop",
    "new": "New in this shop",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a product was recommended.

    Attributes:
        kind: for programs.
        message: key of `TEMPLATES`, for translation.
        text: one English sentence, for people.
        product_ids: the products behind it, of those that the channel still sells; may be empty.
        value: number of purchases (`BOUGHT_BEFORE`) or share of purchases, 0 to 1 (`BOUGHT_TOGETHER`, `SIMILAR`).
    """

    kind: ReasonCode
    message: str
    text: str
    product_ids: tuple[int, ...]
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A product, how strongly it is recommended, and why.

    The order of the list is the recommendation; scores can be compared among those of its entries that have the same
    kind of reason.
    """

    product_id: int
    score: float
    reason: Reason


def reason_of(kind: int, value: float | None, reason_product_id: int | None, name: str | None) -> Reason:
    """Put a stored reason into words.

    Args:
        kind: a value of `ReasonKind`, or `NEW`.
        value: see `Reason.value`.
        reason_product_id: the product that led to it, None where there is none or the channel no longer sells it.
        name: that product's name.
    """
    code = _CODES[kind]
    product_ids = () if reason_product_id is None else (reason_product_id,)
    message, arguments = _message(code, value or 0.0, name or "")
    text = TEMPLATES[message].format(**arguments)
    return Reason(kind=code, message=message, text=text, product_ids=product_ids, value=value)


def _message(code: ReasonCode, value: float, name: str) -> tuple[str, dict[str, str]]:
    if code is ReasonCode.BOUGHT_BEFORE:
        count = round(value)
        return ("bought_often", {"count": str(count)}) if count > 1 else ("bought_once", {})
    if code is ReasonCode.BOUGHT_TOGETHER:
        # Below one percent a figure would rather put people off.
        percent = round(value * 100)
        if name and percent >= 1:
            return "bought_together_with", {"percent": str(percent), "product": name}
        return "bought_together", {}
    if code is ReasonCode.SIMILAR:
        return ("similar_to", {"product": name}) if name else ("similar", {})
    return ("new" if code is ReasonCode.NEW else "popular"), {}
