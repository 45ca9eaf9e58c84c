"""Who caused something: every entry, event and record of ours says it in the same two columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models


class ActorType(models.TextChoices):
    SYSTEM = "system"
    CUSTOMER = "customer"
    STAFF = "staff"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused an entry. `id` is the primary key of the user or app."""

    type: ActorType = ActorType.SYSTEM
    id: int | None = None


SYSTEM = Actor()


def actor_type_field() -> models.CharField[Any, Any]:
    """The column `actor_type`; beside it stands `actor_id`, an integer that may be null."""
    return models.CharField(max_length=16, choices=ActorType.choices, default=ActorType.SYSTEM)
