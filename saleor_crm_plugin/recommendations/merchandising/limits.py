"""How much there may be of each thing that rules are made of. Pure."""

from __future__ import annotations

from typing import Final

NAME_MAX_LENGTH: Final = 128
# Switched on and not over. Each is held against each product of a list.
MAX_ACTIVE_RULES: Final = 50
# Kept at all, without deleted ones: what a person can still oversee.
MAX_RULES: Final = 500
# Of one kind in one rule.
TARGET_LIMIT: Final = 100
# The last place that a pin can have: storefronts show a list's first places, and pages after them are the list itself.
POSITION_LIMIT: Final = 50
PLACES_LIMIT: Final = 10
# Moves the last product of a hundred to the first place.
FACTOR_LIMIT: Final = 100
PRIORITY_LIMIT: Final = 1_000
