"""Celery beat: `python -m tests.faults.processes.beat SCHEDULE_FILE`."""

from __future__ import annotations

import sys

from tests.faults.processes.start import set_up

if __name__ == "__main__":
    set_up("beat")
    from saleor.celeryconf import app

    app.start(["beat", "-s", sys.argv[1], "-l", "INFO", "--pidfile="])
