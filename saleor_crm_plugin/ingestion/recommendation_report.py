"""The report about recommendations, with the channel and the settings that it needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from saleor.channel.models import Channel
from saleor.core.prices import quantize_price

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.recommendations.tracking.report import RecommendationReport


def report_of(
    channel_slug: str, since: datetime | None, until: datetime | None, now: datetime, using: str
) -> RecommendationReport:
    """Two SQL statements; the parts are read when they are asked for.

    Raises:
        RecommendationInputError: `NOT_FOUND`: no such channel; `INVALID`: see `RecommendationReport`.
    """
    channels = Channel.objects.using(using).filter(slug=channel_slug).values_list("pk", "currency_code")
    channel = None if "\0" in channel_slug else channels.first()
    if channel is None:
        raise RecommendationInputError("There is no such channel.", "NOT_FOUND", "channel")
    channel_id, currency = channel
    settings = load_settings(using).crm
    return RecommendationReport(
        channel_id,
        currency,
        timedelta(days=settings.attribution_days),
        since=_aware(since),
        until=_aware(until),
        now=now,
        using=using,
        holdout_percent=settings.holdout_percent,
    )


def rounded(value: Decimal | Fraction | float, currency: str) -> Decimal:
    """An amount to the currency's smallest coin."""
    return quantize_price(value if isinstance(value, Decimal) else Decimal(str(float(value))), currency)


def _aware(moment: datetime | None) -> datetime | None:
    """A time without an offset is in UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
