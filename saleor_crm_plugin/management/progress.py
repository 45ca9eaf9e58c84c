"""What commands show while they work."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm


class Bars:
    """One progress bar for each stage: a `recommendations.progress.Progress`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(desc=stage, total=total, disable=self._quiet or None, unit_scale=True)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
