"""The Celery tasks: hints from hooks, and the jobs that run on the clock.

Each may run twice, late, or at the same time as another: what it calls is idempotent. Arguments are ids only.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from celery import Celery, Task
from celery.backends.base import DisabledBackend
from celery.schedules import crontab
from django.conf import settings as django_settings
from django.db import DatabaseError
from django.utils import timezone
from saleor.celeryconf import app
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.confidential import shorten
from saleor_crm_plugin.exceptions import ForecastError, TrainingError
from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings

logger = logging.getLogger(__name__)

RECONCILE_EVERY = timedelta(minutes=5)
ACTIVATE_EVERY = timedelta(minutes=5)
EXPIRE_EVERY = timedelta(minutes=15)
RELEASE_HOLDS_EVERY = timedelta(minutes=2)
EXPIRE_REWARDS_EVERY = timedelta(minutes=15)
SETTLE_REFERRALS_EVERY = timedelta(minutes=5)
REVIEW_TIERS_EVERY = timedelta(hours=1)
SCAN_CHECKOUTS_EVERY = timedelta(minutes=10)
# After midnight, apart from each other and from Saleor's own jobs on the hour. In CELERY_TIMEZONE.
BIRTHDAYS_AT = crontab(hour="1", minute="20")
REMIND_AT = crontab(hour="7", minute="40")
# Before whatever computes something about customers.
CONSENTS_AT = crontab(hour="1", minute="40")
TYPES_AT = crontab(hour="1", minute="50")
RFM_AT = crontab(hour="2", minute="20")
FORECAST_AT = crontab(hour="2", minute="40")
# After the forecasts, on which stages depend.
LIFECYCLE_AT = crontab(hour="3", minute="5")
TRAIN_AT = crontab(hour="3", minute="20")
BLANK_DETAILS_AT = crontab(hour="4", minute="20")
DELETE_EVENTS_AT = crontab(hour="4", minute="10")
# After what segments ask about: groups, forecasts, stages.
SEGMENTS_AT = crontab(hour="4", minute="40")
# A nightly job that found no worker for this long waits for the next night.
NIGHTLY_EXPIRES_SECONDS = 6 * 3600

# A hint that has waited this long says nothing that a full sweep has not found, or will find. Without an end, a worker
# that comes back to a million of them would work them off one by one, and reconciliation, which does it five hundred at
# a time, would wait behind them until it has expired itself.
HINT_EXPIRES_SECONDS = 3600

UNDEFINED_TABLE = "42P01"
UNDEFINED_COLUMN = "42703"
OUR_TABLES = "crm_"

P = ParamSpec("P")


def crm_task(**options: Any) -> Callable[[Callable[Concatenate[ShopSettings, P], None]], Any]:
    """A Celery task that gets the shop's settings first, may write, and does nothing while the plugin is off."""

    def decorate(job: Callable[Concatenate[ShopSettings, P], None]) -> Any:
        @functools.wraps(job)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with allow_writer():
                settings = load_settings()
                if not settings.crm_active:
                    return
                try:
                    job(settings, *args, **kwargs)
                except DatabaseError as error:
                    if not our_tables_are_missing(error):
                        # Celery logs it.
                        shorten(error)
                        raise
                    log_once(
                        logger,
                        "migrate",
                        "The tables of saleor_crm_plugin are missing or old: run `manage.py migrate saleor_crm_plugin`."
                        " Until then no profiles, points or recommendations are kept; the shop is not affected. (%s)",
                        str(error).partition("\n")[0],
                    )

        # No result is ever read, and storing one would make each enqueue wait for the result backend as well.
        return app.task(ignore_result=True, backend=property(_no_results), **options)(run)

    return decorate


def _no_results(task: Task) -> DisabledBackend:
    """A task of Celery's asks for its result backend whenever it is handed over, even where results are ignored.

    Celery makes one for each thread, and looks through all installed packages for it: 20 ms and more (measured, Celery
    5.5). A web server that begins a thread with each request would pay that in each.
    """
    return _disabled_backend(task.app)


@functools.cache
def _disabled_backend(app: Celery) -> DisabledBackend:
    return DisabledBackend(app)


def our_tables_are_missing(error: DatabaseError) -> bool:
    """Whether `manage.py migrate` was forgotten, and not something else is wrong."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    # Below the first line PostgreSQL quotes the query, which may name our tables while one of Saleor's is at fault.
    return state in (UNDEFINED_TABLE, UNDEFINED_COLUMN) and OUR_TABLES in str(error).partition("\n")[0]


# A worker that dies as a whole gives its hints back to the broker. One that loses a process of its pool does not: a
# hint that takes all memory must not go round for ever.
hint = functools.partial(crm_task, acks_late=True, expires=HINT_EXPIRES_SECONDS)


@hint()
def sync_order_task(settings: ShopSettings, order_id: str) -> None:
    from saleor_crm_plugin.ingestion.sync import sync_orders

    sync_orders([UUID(order_id)], settings=settings)


@hint()
def sync_orders_task(settings: ShopSettings, order_ids: list[str]) -> None:
    from saleor_crm_plugin.ingestion.sync import sync_orders

    sync_orders([UUID(order_id) for order_id in order_ids], settings=settings)


@hint()
def sync_customer_task(settings: ShopSettings, user_id: int) -> None:
    from saleor_crm_plugin.ingestion.sync import sync_customer

    sync_customer(user_id, settings=settings)


@hint()
def refit_hold_task(settings: ShopSettings, checkout_token: str) -> None:
    from saleor_crm_plugin.ingestion.refit import refit_hold

    refit_hold(UUID(checkout_token), settings)


@crm_task(expires=RECONCILE_EVERY.total_seconds())
def reconcile_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.reconcile import reconcile

    reconcile()


@crm_task(expires=ACTIVATE_EVERY.total_seconds())
def activate_points_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.loyalty.schedule import activate_due_lots

    activate_due_lots(timezone.now())


@crm_task(expires=EXPIRE_EVERY.total_seconds())
def expire_points_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.loyalty.schedule import expire_due_lots

    expire_due_lots(timezone.now())


@crm_task(expires=RELEASE_HOLDS_EVERY.total_seconds())
def release_holds_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.changed_checkouts import refit_changed_holds
    from saleor_crm_plugin.ingestion.redemption import release_timed_out_holds

    now = timezone.now()
    release_timed_out_holds(now)
    refit_changed_holds(settings, now)


@crm_task(expires=EXPIRE_REWARDS_EVERY.total_seconds())
def expire_rewards_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.rewards import expire_rewards

    expire_rewards(timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def send_reminders_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.reminders import remind_of_expiry, remind_of_tiers
    from saleor_crm_plugin.loyalty.tiers.queries import about_to_be_lost

    if settings.crm.expiry_reminder_days is not None:
        within = timedelta(days=settings.crm.expiry_reminder_days)
        remind_of_expiry(timezone.now(), within)
        remind_of_tiers(timezone.now(), within, about_to_be_lost)


@crm_task(expires=SETTLE_REFERRALS_EVERY.total_seconds())
def settle_referrals_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.referrals import settle

    settle(settings, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def award_birthdays_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.actions import award_birthdays

    award_birthdays(settings, timezone.now())


@crm_task(expires=REVIEW_TIERS_EVERY.total_seconds())
def review_tiers_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.tier_facts import review_tiers

    review_tiers(timezone.now())


@crm_task(expires=SCAN_CHECKOUTS_EVERY.total_seconds())
def scan_checkouts_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.checkout_events import scan_checkouts

    if settings.crm.profiles_enabled:
        scan_checkouts(timedelta(hours=settings.crm.checkout_abandoned_after_hours))


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def blank_old_details_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.profiles.timeline.retention import blank_old_details

    if settings.crm.timeline_details_days is not None:
        blank_old_details(settings.crm.timeline_details_days, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def delete_old_events_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.recommendations.tracking.retention import delete_old_events

    # Also while nothing is tracked: what was, must not stay.
    delete_old_events(settings.crm.tracking_retention_days, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def apply_consent_policy_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.consents import apply_consent_policy

    apply_consent_policy(settings.crm.consent_required)


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def refresh_rfm_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.backfill import refresh_metrics_of_an_unfinished_one
    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    if settings.crm.profiles_enabled:
        refresh_metrics_of_an_unfinished_one()
        refresh_rfm(settings.crm.rfm_window_days, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def refresh_lifecycle_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.lifecycle import refresh_all_stages

    if settings.crm.profiles_enabled:
        refresh_all_stages(settings.crm, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def refresh_customer_types_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.customer_types import refresh_all_types

    if settings.crm.profiles_enabled:
        refresh_all_types(settings.crm, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def refresh_segments_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.segments import refresh_segments

    if settings.crm.profiles_enabled:
        refresh_segments(timezone.now())


@crm_task(acks_late=True)
def refresh_segment_task(settings: ShopSettings, segment_id: int) -> None:
    from saleor_crm_plugin.ingestion.segments import refresh_segment

    if settings.crm.profiles_enabled:
        refresh_segment(segment_id, timezone.now())


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def forecast_task(settings: ShopSettings) -> None:
    from saleor_crm_plugin.ingestion.forecasts import forecast_now

    if not settings.crm.profiles_enabled:
        return
    try:
        forecast_now(settings.crm, timezone.now())
    except ForecastError as error:
        logger.info("No forecast was made: %s", error)


@crm_task(expires=NIGHTLY_EXPIRES_SECONDS)
def train_recommendations_task(settings: ShopSettings, asked: bool = False) -> None:
    """
    Args:
        asked: by somebody, and not by the clock.
    """
    from saleor_crm_plugin.ingestion.train import train_now

    if not settings.crm.recommendations_enabled or not (asked or settings.crm.nightly_training):
        return
    try:
        train_now()
    except TrainingError as error:
        # A young shop has nothing to learn from yet: that is news, not a fault.
        logger.info("No recommendations were trained: %s", error)


PERIODIC_TASKS: dict[str, dict[str, Any]] = {
    "crm-reconcile": {"task": reconcile_task.name, "schedule": RECONCILE_EVERY},
    "crm-activate-points": {"task": activate_points_task.name, "schedule": ACTIVATE_EVERY},
    "crm-expire-points": {"task": expire_points_task.name, "schedule": EXPIRE_EVERY},
    "crm-release-holds": {"task": release_holds_task.name, "schedule": RELEASE_HOLDS_EVERY},
    "crm-send-reminders": {"task": send_reminders_task.name, "schedule": REMIND_AT},
    "crm-expire-rewards": {"task": expire_rewards_task.name, "schedule": EXPIRE_REWARDS_EVERY},
    "crm-settle-referrals": {"task": settle_referrals_task.name, "schedule": SETTLE_REFERRALS_EVERY},
    "crm-award-birthdays": {"task": award_birthdays_task.name, "schedule": BIRTHDAYS_AT},
    "crm-review-tiers": {"task": review_tiers_task.name, "schedule": REVIEW_TIERS_EVERY},
    "crm-apply-consent-policy": {"task": apply_consent_policy_task.name, "schedule": CONSENTS_AT},
    "crm-scan-checkouts": {"task": scan_checkouts_task.name, "schedule": SCAN_CHECKOUTS_EVERY},
    "crm-blank-old-details": {"task": blank_old_details_task.name, "schedule": BLANK_DETAILS_AT},
    "crm-delete-old-events": {"task": delete_old_events_task.name, "schedule": DELETE_EVENTS_AT},
    "crm-refresh-rfm": {"task": refresh_rfm_task.name, "schedule": RFM_AT},
    "crm-refresh-lifecycle": {"task": refresh_lifecycle_task.name, "schedule": LIFECYCLE_AT},
    "crm-refresh-customer-types": {"task": refresh_customer_types_task.name, "schedule": TYPES_AT},
    "crm-refresh-segments": {"task": refresh_segments_task.name, "schedule": SEGMENTS_AT},
    "crm-forecast": {"task": forecast_task.name, "schedule": FORECAST_AT},
    "crm-train-recommendations": {"task": train_recommendations_task.name, "schedule": TRAIN_AT},
}


def schedule_periodic_tasks() -> None:
    """Add our jobs to Celery beat, in every process; an entry that the operator has set stays.

    Celery hands out `settings.CELERY_BEAT_SCHEDULE` itself, so adding to it works before Celery has read its
    configuration and after. Expiry stands on the tasks: the DatabaseScheduler ignores `options.expires` here.
    """
    if not hasattr(django_settings, "CELERY_BEAT_SCHEDULE"):
        django_settings.CELERY_BEAT_SCHEDULE = {}
    for name, entry in PERIODIC_TASKS.items():
        django_settings.CELERY_BEAT_SCHEDULE.setdefault(name, dict(entry))


def unscheduled_tasks() -> list[str]:
    """Names of our periodic entries that Celery does not know of."""
    return sorted(PERIODIC_TASKS.keys() - (app.conf.beat_schedule or {}).keys())
