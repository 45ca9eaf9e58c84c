"""What forecasts cost."""

from __future__ import annotations

from typing import Any

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {"CrmStatus": {"forecasts": {"complexity": 1}}}
