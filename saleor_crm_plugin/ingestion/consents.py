"""Consent across the domains: what is refused goes from profiles and from recommendations in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.ingestion.customer_types import refresh_types
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.standing import refresh_standing
from saleor_crm_plugin.profiles.consents.enforcement import (
    BATCH_SIZE,
    all_profiles,
    follow_policy,
    policy_still_is,
    set_policy,
)
from saleor_crm_plugin.profiles.consents.recording import Consent, Recorded, record_consents
from saleor_crm_plugin.profiles.merging.family import heads_of
from saleor_crm_plugin.recommendations.privacy import forget_customers

logger = logging.getLogger(__name__)

STATE: Final = "consent_policy"


@allow_writer()
def update_consents(profile_id: int, consents: Sequence[Consent], actor: Actor, now: datetime) -> Recorded:
    """`take_consents`, then `follow_consents`, for whoever has no transaction of their own.

    Raises:
        CustomerInputError: see `record_consents`.
    """
    recorded = take_consents(profile_id, consents, actor, now)
    follow_consents(recorded, now)
    return recorded


@allow_writer()
def take_consents(profile_id: int, consents: Sequence[Consent], actor: Actor, now: datetime) -> Recorded:
    """Record what a customer says, and take away what they do not allow any more.

    Raises:
        CustomerInputError: see `record_consents`.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    with transaction.atomic(using=using):
        recorded = record_consents(profile_id, consents, actor, now, using)
        forget_customers(recorded.refusals.recommendations, using)
    return recorded


@allow_writer()
def follow_consents(recorded: Recorded, now: datetime) -> None:
    """Bring stage, type and segments in line. Once it is committed, as `segments.refresh_for`."""
    if recorded.new:
        refresh_standing([recorded.profile_id], now, django_settings.DATABASE_CONNECTION_DEFAULT_NAME)


@allow_writer()
def apply_consent_policy(consent_required: bool, batch_size: int = BATCH_SIZE) -> int:
    """Let silence mean what the setting says, for everybody; and take away what a job wrote that it should not have.

    Batches of their own transactions: interrupted, the next run does the rest, and reconciliation is that run. Two runs
    at once do the same work twice, and come to the policy that was set last.

    Returns:
        How many profiles may not be recommended to.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    settings = load_settings().crm
    refusing = 0
    with transaction.atomic(using=using):
        set_policy(consent_required, using)
        _note(None, using)
    for batch in all_profiles(using, batch_size):
        with transaction.atomic(using=using):
            refusals = follow_policy(batch, using)
            # Events and lists are the person's, for whom the head speaks.
            heads = heads_of(refusals.recommendations, using) if refusals.recommendations else {}
            forget_customers([profile_id for profile_id, head_id in heads.items() if profile_id == head_id], using)
        if settings.profiles_enabled:
            refresh_types(refusals.profiling, settings, timezone.now(), using)
        refusing += len(refusals.recommendations)
    with transaction.atomic(using=using):
        # Where another policy was set meanwhile, that run has this to say.
        if policy_still_is(consent_required, using):
            _note(consent_required, using)
    return refusing


def apply_policy_if_changed() -> None:
    """Let silence mean what the setting says now, if that is not what it means to everybody yet: nobody told us of the
    setting, or a run was interrupted. Two SQL statements where it is.
    """
    states = SyncState.objects.using(django_settings.DATABASE_CONNECTION_DEFAULT_NAME).filter(name=STATE)
    # Silence allows until somebody says otherwise. Before the setting: one that is saved in between is applied.
    value = states.values_list("value", flat=True).first() or {"applied": False}
    consent_required = load_settings().crm.consent_required
    if value["applied"] is not consent_required:
        apply_consent_policy(consent_required)
        logger.info("The setting consent_required is applied to everybody now.")


def _note(applied: bool | None, using: str) -> None:
    SyncState.objects.using(using).update_or_create(name=STATE, defaults={"value": {"applied": applied}})
