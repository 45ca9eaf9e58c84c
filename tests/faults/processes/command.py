"""One of the plugin's commands, as an operator runs it: `python -m tests.faults.processes.command NAME ...`."""

from __future__ import annotations

import os
import resource
import sys

from tests.faults.processes.start import set_up

if __name__ == "__main__":
    set_up("command")
    # The disk is full for files beyond this size.
    if limit := os.environ.get("CRM_FAULTS_FILE_BYTES"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])
