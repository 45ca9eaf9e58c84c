"""What the story expects, computed apart from the package: from the settings as the shop shows them, and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from demo.client import StoryError


@dataclass(frozen=True, slots=True)
class Terms:
    """How a channel gives and takes points."""

    channel_id: str
    currency: str
    per_unit: Decimal
    worth: Decimal
    with_shipping: bool
    pending: bool

    def earned(self, lines: Decimal, shipping: Decimal, total: Decimal, refunded: Decimal = Decimal(0)) -> int:
        """Points for an order: rounded down, less the share of the total that was given back."""
        basis = Fraction(lines + (shipping if self.with_shipping else 0)) * Fraction(self.per_unit)
        return floor(basis * (1 - Fraction(refunded) / Fraction(total)))

    def value(self, points: int) -> Decimal:
        """What points take off the price."""
        return (points * self.worth).quantize(Decimal("0.01"), rounding=ROUND_DOWN)

    def needed(self, amount: Decimal) -> int:
        """The fewest points that are worth an amount."""
        return ceil(Fraction(amount) / Fraction(self.worth))

    def spendable(self, wanted: int, most: int) -> int:
        """As many of `wanted` as are worth whole cents, so that the discount has one right value."""
        step = Fraction(self.worth * 100).denominator
        return min(wanted, most) // step * step


def terms_of(channel: str, configurations: list[Mapping[str, Any]]) -> Terms:
    """The terms in a channel, out of the plugin's page.

    Raises:
        StoryError: on these terms the story cannot say what to expect.
    """
    found = next((one for one in configurations if one["channel"]["slug"] == channel), None)
    if found is None:
        slugs = ", ".join(sorted(one["channel"]["slug"] for one in configurations))
        raise StoryError(f"The shop has no channel {channel!r}; it has {slugs or 'none'}. Choose one with --channel.")
    values = {item["name"]: item["value"] or "" for item in found["configuration"]}
    # As the Dashboard stores them; an emptied field counts as the default.
    plain = {"award_when": "paid", "basis": "gross", "earned_points_policy": "within balance", "pending_days": "0"}
    settings = {**plain, **{name: value for name, value in values.items() if value}}
    if not found["active"] or not settings.get("points_per_unit") or not settings.get("point_value"):
        raise StoryError(f"Channel {channel!r} gives or takes no points yet. Let --configure switch them on.")
    for name in ("award_when", "basis", "earned_points_policy"):
        if settings[name] != plain[name]:
            raise StoryError(
                f"The story knows what to expect where {name} is {plain[name]!r}, not {settings[name]!r}. "
                "Let --configure set it."
            )
    return Terms(
        channel_id=found["channel"]["id"],
        currency=found["channel"]["currencyCode"],
        per_unit=Decimal(settings["points_per_unit"]),
        worth=Decimal(settings["point_value"]),
        with_shipping=settings.get("include_shipping") == "true",
        pending=settings["pending_days"] != "0",
    )
