"""Settings about tracking: part of the plugin `crm`."""

from __future__ import annotations

from saleor_crm_plugin.config.fields import FieldSpec, field
from saleor_crm_plugin.config.parsing import Flag, WholeNumber

ATTRIBUTION_DAYS = (1, 30)
# Half of all customers is what a comparison can use at most.
HOLDOUT_PERCENT = (0, 50)
RETENTION_DAYS = (30, 730)
# At most a hundred full batches a second, all of which count in one row. An event takes 270 bytes.
EVENTS_A_MINUTE = (600, 600_000)

TRACKING_FIELDS: tuple[FieldSpec, ...] = (
    field(
        "tracking_enabled",
        "Track recommendations",
        "Record what your storefront reports of what visitors see and click. Left off: it is told so, and nothing is "
        "kept.",
        True,
        Flag(),
    ),
    field(
        "attribution_days",
        "Days that a click counts",
        "An order counts for a recommendation that was clicked at most this many days before.",
        "7",
        WholeNumber(*ATTRIBUTION_DAYS),
    ),
    field(
        "holdout_percent",
        "Percent of customers held out",
        "So many of a hundred customers get what sells most instead of personal recommendations, always the same ones, "
        "so that the report can say what these are worth. 0: nobody.",
        "0",
        WholeNumber(*HOLDOUT_PERCENT),
    ),
    field(
        "tracking_retention_days",
        "Days to keep what was tracked",
        "Events of recommendations are deleted after this many days.",
        "180",
        WholeNumber(*RETENTION_DAYS),
    ),
    field(
        "tracking_events_per_minute",
        "Tracked events in a minute",
        "The whole shop records at most this many in a minute; more are refused until the next one.",
        "12000",
        WholeNumber(*EVENTS_A_MINUTE),
    ),
)
