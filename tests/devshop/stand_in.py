"""Puts the stand-in package `saleor` on the path, and stops where a real Saleor would be hidden by it."""

import importlib.metadata
import sys
from importlib.machinery import PathFinder
from pathlib import Path

DEVSHOP = Path(__file__).resolve().parent
REPOSITORY = DEVSHOP.parent.parent

REFUSAL = (
    "A real Saleor is installed here ({where}), and the stand-in shop would hide it. "
    "Run the tests on the real one instead (pytest --ds=saleor.tests.settings), "
    "or use an environment without Saleor."
)


class RealSaleorFound(RuntimeError):
    """The stand-in must never be mistaken for the shop that is really installed."""


def find_real_saleor(path: list[str]) -> str | None:
    """Say where a Saleor other than the stand-in lies, if there is one."""
    others = [entry for entry in path if Path(entry or ".").resolve() != DEVSHOP]
    spec = PathFinder.find_spec("saleor", others)
    if spec is not None and spec.origin is not None:
        return spec.origin
    try:
        distribution = importlib.metadata.distribution("saleor")
    except importlib.metadata.PackageNotFoundError:
        return None
    return f"distribution saleor {distribution.version}"


def use_stand_in() -> None:
    """Make `import saleor` find the stand-in and `import tests.devshop` work from any directory."""
    if where := find_real_saleor(sys.path):
        raise RealSaleorFound(REFUSAL.format(where=where))
    for entry in (str(REPOSITORY), str(DEVSHOP)):
        if entry not in sys.path:
            sys.path.insert(0, entry)
