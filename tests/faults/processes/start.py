"""What every process of a drill does first."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta


def set_up(role: str) -> None:
    """Set Django up. `role` is how PostgreSQL knows the process, together with its number."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.processes.settings"
    name_connections(role)
    # First of all: Celery's timers and Django's clocks take the functions that they find.
    _turn_clock(float(os.environ.get("CRM_FAULTS_CLOCK_SECONDS", "0")))
    import django
    from django.conf import settings

    assert settings.configured or settings.DATABASES
    django.setup()


def name_connections(role: str) -> None:
    """Connections from now on are `role:pid`: a drill stops, cuts and kills by that name."""
    os.environ["PGAPPNAME"] = f"{role}:{os.getpid()}"


def _turn_clock(seconds: float) -> None:
    if seconds:
        import time_machine

        time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()
