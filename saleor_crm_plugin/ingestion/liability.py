"""The liability report: what `loyalty.liability` counts, and what it is worth in the shop's currencies.

A wallet is not in any currency: the same points can be spent in each channel, for what a point is worth there. So the
worth is given for each currency as if all points were spent in it, in the channel that gives most for them. These are
alternatives, never to be added up. Past moments are valued with the settings of today, which are the only ones known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from saleor.channel.models import Channel

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.currencies import currency_places
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.loyalty.liability import (
    Breakage,
    Movements,
    Position,
    breakage_before,
    movements_between,
    position_at,
    worths,
)


@dataclass(frozen=True, slots=True)
class Worth:
    """An amount in a currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class ValuedPoints:
    """Points with their worth, in each currency in which they can be spent.

    Attributes:
        month: first day of the month in which they expire; None: never, or all months together.
    """

    month: date | None
    points: int
    pending_points: int
    worth: tuple[Worth, ...]
    pending_worth: tuple[Worth, ...]


class LiabilityReport:
    """Reads what is asked for, each part with one statement, and values with two more.

    Args:
        as_of: the state after everything before it; by default, now.
        since: movements from here; by default the first moment of the month that `until` is in, or ends.
        until: movements before here; by default, `as_of`.

    Raises:
        LoyaltyInputError: `INVALID`: a moment in the future, or a time that ends before it begins.
    """

    def __init__(
        self,
        *,
        as_of: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        now: datetime,
        using: str,
    ) -> None:
        self.as_of = as_of or now
        self._until = until or self.as_of
        self._since = since or _month_before(self._until)
        self._using = using
        for field, moment in (("asOf", self.as_of), ("to", self._until)):
            if moment > now:
                raise LoyaltyInputError("The future is not known: give a moment that has passed.", "INVALID", field)
        if self._since >= self._until:
            raise LoyaltyInputError("The time must end after it begins.", "INVALID", "from")

    @cached_property
    def position(self) -> Position:
        return position_at(self.as_of, self._using)

    @cached_property
    def movements(self) -> Movements:
        return movements_between(self._since, self._until, self._using)

    @cached_property
    def breakage(self) -> Breakage:
        return breakage_before(self.as_of, self._using)

    @cached_property
    def point_values(self) -> dict[str, Decimal]:
        """The most that a point pays, by currency in which it pays anything."""
        terms = load_settings(self._using).loyalty
        values: dict[str, Decimal] = {}
        channels = Channel.objects.using(self._using).filter(is_active=True).order_by("currency_code", "pk")
        for channel_id, currency in channels.values_list("pk", "currency_code"):
            pays = terms[channel_id].point_pays if channel_id in terms else None
            if pays is not None:
                values[currency] = max(pays, values.get(currency, Decimal(0)))
        return values

    @cached_property
    def months(self) -> tuple[ValuedPoints, ...]:
        months = self.position.months
        active = self._valued([month.active for month in months])
        pending = self._valued([month.pending for month in months])
        return tuple(
            ValuedPoints(month.month, month.active, month.pending, *worth)
            for month, *worth in zip(months, active, pending, strict=True)
        )

    @cached_property
    def total(self) -> ValuedPoints:
        position = self.position
        (worth,), (pending_worth,) = self._valued([position.active]), self._valued([position.pending])
        return ValuedPoints(None, position.active, position.pending, worth, pending_worth)

    @cached_property
    def expected_breakage(self) -> int | None:
        """Points; None without enough history."""
        return self.breakage.expected(self.position)

    @cached_property
    def expected_breakage_worth(self) -> tuple[Worth, ...]:
        if self.expected_breakage is None:
            return ()
        (worth,) = self._valued([self.expected_breakage])
        return worth

    def _valued(self, parts: list[int]) -> list[tuple[Worth, ...]]:
        """The worth of each part in each currency; the parts add up in each."""
        by_currency = {
            currency: worths(parts, value, currency_places(currency)) for currency, value in self.point_values.items()
        }
        return [_pick(by_currency, position) for position in range(len(parts))]


def _pick(by_currency: Mapping[str, Iterable[Decimal]], position: int) -> tuple[Worth, ...]:
    return tuple(Worth(tuple(amounts)[position], currency) for currency, amounts in by_currency.items())


def _month_before(until: datetime) -> datetime:
    """The first moment of the month that `until` is in; of the one before, if `until` is such a moment itself."""
    last = (until - timedelta(microseconds=1)).astimezone(UTC)
    return last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
