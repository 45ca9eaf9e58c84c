"""The shop's settings as they are stored now: one SQL statement, frozen values."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from saleor.core.db.connection import allow_writer
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.config import (
    CRM_FIELDS,
    CRM_PLUGIN_ID,
    LOYALTY_FIELDS,
    LOYALTY_PLUGIN_ID,
    CRMSettings,
    FieldSpec,
    LoyaltySettings,
    read_values,
)
from saleor_crm_plugin.ingestion.logs import log_once

logger = logging.getLogger(__name__)

NOTHING_EARNED = LoyaltySettings()


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """Both plugins' settings.

    Args:
        crm_active: False: the admin switched the plugin off; hooks and tasks do nothing.
        loyalty: by channel id.
    """

    crm: CRMSettings = field(default_factory=CRMSettings)
    loyalty: Mapping[int, LoyaltySettings] = field(default_factory=dict)
    crm_active: bool = True

    def loyalty_for(self, channel_id: int) -> LoyaltySettings:
        return self.loyalty.get(channel_id, NOTHING_EARNED)

    def fingerprint(self) -> str:
        """The same for the same settings, in another process, too."""
        values = repr((self.crm, self.crm_active, sorted(self.loyalty.items())))
        return sha256(values.encode()).hexdigest()


@partial(CompiledQuery, "identifier")
def _configurations() -> QuerySet[Any, Any]:
    return PluginConfiguration.objects.values_list("identifier", "channel_id", "active", "configuration")


def load_settings(using: str | None = None) -> ShopSettings:
    """Read both plugins' settings, of all channels.

    A stored value that cannot be read (a limit has changed, or the row was edited by hand) counts as its default, and
    what it governs as switched off; the log says so once.

    Args:
        using: database alias; None: the writer.
    """
    writer = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    using = using or writer
    with allow_writer() if using == writer else nullcontext():
        rows = _configurations([CRM_PLUGIN_ID, LOYALTY_PLUGIN_ID], using)
    crm, crm_active = CRMSettings(), True
    loyalty: dict[int, LoyaltySettings] = {}
    for identifier, channel_id, active, configuration in rows:
        if identifier == CRM_PLUGIN_ID and channel_id is None:
            crm = CRMSettings(**_readable_values(identifier, None, configuration, CRM_FIELDS))
            crm_active = active
        elif identifier == LOYALTY_PLUGIN_ID and channel_id is not None:
            terms = LoyaltySettings(**_readable_values(identifier, channel_id, configuration, LOYALTY_FIELDS))
            # Switched off: nothing new is earned or spent, while refunds are still treated as set.
            loyalty[channel_id] = terms if active else replace(terms, points_per_unit=None, point_value=None)
    if not crm_active:
        # The jobs that let points expire and that end holds stand still, so nothing may be spent meanwhile.
        loyalty = {channel_id: replace(terms, point_value=None) for channel_id, terms in loyalty.items()}
    return ShopSettings(crm=crm, loyalty=loyalty, crm_active=crm_active)


def loyalty_is_on() -> Q:
    """For a query over channels: that neither `crm.loyalty` is switched off there, nor `crm` everywhere."""
    there = Q(identifier=LOYALTY_PLUGIN_ID, channel_id=OuterRef("pk"))
    everywhere = Q(identifier=CRM_PLUGIN_ID, channel__isnull=True)
    return ~Q(Exists(PluginConfiguration.objects.filter(there | everywhere, active=False)))


def _readable_values(
    identifier: str, channel_id: int | None, configuration: Iterable[Mapping[str, Any]], fields: tuple[FieldSpec, ...]
) -> dict[str, Any]:
    values, errors = read_values(configuration, fields)
    for spec in fields:
        if spec.name not in errors:
            continue
        if spec.guards:
            values.pop(spec.guards, None)
        log_once(
            logger,
            ("settings", identifier, channel_id, spec.name),
            "The setting %r of plugin %r%s cannot be read, so %s. Open the plugin in the Dashboard and correct it: %s",
            spec.label,
            identifier,
            "" if channel_id is None else f" in channel {channel_id}",
            f"{spec.guards} counts as empty" if spec.guards else "its default applies",
            errors[spec.name],
        )
    return values
