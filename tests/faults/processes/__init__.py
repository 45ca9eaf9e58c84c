"""What a drill runs in a process of its own: `python -m tests.faults.processes.worker` and the like."""
