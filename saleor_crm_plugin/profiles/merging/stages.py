"""Where a customer stands in the lifecycle, as a merge keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from saleor_crm_plugin.profiles.models import CustomerProfile, LifecycleStage

COLUMNS: Final = ("lifecycle_stage", "lifecycle_since", "found_quiet_at")
_NOT_BOUGHT: Final = ("", LifecycleStage.PROSPECT)

Kept = Mapping[str, str | None]


def stage_of(profile: CustomerProfile) -> dict[str, str | None]:
    """The columns, as JSON can hold them."""
    values = (profile.lifecycle_stage, _written(profile.lifecycle_since), _written(profile.found_quiet_at))
    return dict(zip(COLUMNS, values, strict=True))


def put(profile: CustomerProfile, stage: Kept) -> None:
    """Let a profile stand where `stage_of` has seen one; nothing where nothing was seen or may be known."""
    if stage and profile.profiling_allowed:
        profile.lifecycle_stage = stage["lifecycle_stage"] or ""
        profile.lifecycle_since = _read(stage["lifecycle_since"])
        profile.found_quiet_at = _read(stage["found_quiet_at"])


def takes_stage_of(target: CustomerProfile, source: CustomerProfile) -> bool:
    """Whether the source has bought, and the target has not."""
    return (
        target.profiling_allowed and target.lifecycle_stage in _NOT_BOUGHT and source.lifecycle_stage not in _NOT_BOUGHT
    )


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
