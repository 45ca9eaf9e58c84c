"""The report: what recommendations are looked at, lead to, and are worth. Each part is read when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.tracking.attribution import Attributed, attributed
from saleor_crm_plugin.recommendations.tracking.counts import Counted, Counts, count_events
from saleor_crm_plugin.recommendations.tracking.outcome import Outcome, outcome
from saleor_crm_plugin.recommendations.tracking.statistics import Comparison, Share, compare, share_of

# Without `since`.
DEFAULT_DAYS: Final = 30
# A year and a season to compare with; each statement reads all events of the time.
LONGEST_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class Performance:
    """Of lists of a kind, or of all (`kind` None)."""

    kind: str | None
    counts: Counts
    attributed: Attributed

    @property
    def click_through(self) -> Share | None:
        return self.counts.click_through

    @property
    def conversion(self) -> Share | None:
        """Clicks after which the product was bought, of all clicks."""
        return share_of(self.attributed.converted_clicks, self.counts.clicked)


class RecommendationReport:
    """Three SQL statements at most, whatever the number of events.

    Args:
        window: how long after a click an order counts for it.
        since: events from here; by default `DEFAULT_DAYS` before `until`.
        until: events before here; by default now.
        holdout_percent: as it is set now; the groups are those of the time itself, see `compared_since`.

    Raises:
        RecommendationInputError: `INVALID`: a time that ends before it begins, in the future, or lasts too long.
    """

    def __init__(
        self,
        channel_id: int,
        currency: str,
        window: timedelta,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        now: datetime,
        using: str,
        holdout_percent: int = 0,
    ) -> None:
        self.until = until or now
        self.since = since or self.until - timedelta(days=DEFAULT_DAYS)
        self.currency = currency
        self.window = window
        self.holdout_percent = holdout_percent
        self.channel_id = channel_id
        self._now = now
        self._using = using
        if self.until > now:
            raise RecommendationInputError(
                "The future is not known: give a moment that has passed.", "INVALID", "until"
            )
        if self.since >= self.until:
            raise RecommendationInputError("The time must end after it begins.", "INVALID", "since")
        if self.until - self.since > timedelta(days=LONGEST_DAYS):
            raise RecommendationInputError(f"Ask for at most {LONGEST_DAYS} days at once.", "INVALID", "since")

    @property
    def is_final(self) -> bool:
        """Whether the window of the last click is over, so that only refunds and cancellations change anything."""
        return self.until + self.window <= self._now

    @cached_property
    def _counted(self) -> Counted:
        return count_events(self.channel_id, self.since, self.until, self._using)

    @cached_property
    def _attributed(self) -> dict[str | None, Attributed]:
        return attributed(self.channel_id, self.since, self.until, self.window, self._using)

    @cached_property
    def outcome(self) -> Outcome:
        return outcome(self.channel_id, self.since, self.until, self._using)

    @cached_property
    def kinds(self) -> list[Performance]:
        """Of each kind of which there are events, in the order of the enum."""
        return [self._performance(kind.value) for kind in RecommendationKind if kind.value in self._counted.by_kind]

    @property
    def total(self) -> Performance:
        return self._performance(None)

    @cached_property
    def models(self) -> list[tuple[int | None, Counts]]:
        """By trained model, oldest first; None: before any."""
        return sorted(self._counted.by_model.items(), key=lambda item: item[0] or 0)

    @property
    def compared_since(self) -> datetime:
        """From when on customers are compared: the last change of the percentage, if it was in this time."""
        return self.outcome.share_changed_at or self.since

    @property
    def comparison(self) -> Comparison:
        return compare(self.outcome.others.spent, self.outcome.held_out.spent)

    def _performance(self, kind: str | None) -> Performance:
        counts = self._counted.total if kind is None else self._counted.by_kind[kind]
        return Performance(kind, counts, self._attributed.get(kind, Attributed(revenue=Decimal(0))))
