"""A Celery worker with a pool of processes: `python -m tests.faults.processes.worker NAME CONCURRENCY`."""

from __future__ import annotations

import sys

from tests.faults.processes.start import name_connections, set_up

if __name__ == "__main__":
    role, concurrency = sys.argv[1:]
    set_up(role)
    from celery.signals import task_failure, worker_process_init
    from saleor.celeryconf import app

    @worker_process_init.connect(weak=False)
    def _name(**kwargs: object) -> None:
        name_connections(role)

    @task_failure.connect(weak=False)
    def _say_which(task_id: str, **kwargs: object) -> None:
        # Celery's own line about a task that went with its process does not name it.
        print(f"Task [{task_id}] failed", flush=True)

    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", "-n", f"{role}@shop", "-c", concurrency, "-P", "prefork", "-l", "INFO", *quiet])
