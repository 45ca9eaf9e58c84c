"""Who gets the fallback instead of personal recommendations, so that the shop can see what these are worth.

By a hash of who it is: no table, no draw, the same answer on every server and at every visit. Whoever is held out at a
share is so at every larger one. Hashing for assignment: Kohavi, Tang and Xu, "Trustworthy Online Controlled
Experiments", 2020, chapter 4. Pure.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

# Apart from any other division of the same customers by a hash.
_SALT: Final = "saleor_crm_plugin holdout 1 "
# As many as a double holds exactly, so that PostgreSQL and Python agree to the last customer.
_BITS: Final = 48


def in_holdout(identity: str, share: float) -> bool:
    """Whether somebody gets the fallback.

    Args:
        identity: see `profile_identity`.
        share: 0 (nobody) to 1 (everybody).
    """
    return int.from_bytes(sha256(f"{_SALT}{identity}".encode()).digest()[: _BITS // 8]) / 2**_BITS < share


def profile_identity(profile_id: int) -> str:
    """Of the head of a person's family of profiles."""
    return f"profile:{profile_id}"


def sql_in_holdout(profile_id: str, share: str) -> str:
    """SQL for `in_holdout` of a profile, given SQL expressions for its id and the share."""
    return f"({_sql_number(profile_id)} / {2**_BITS}::float8 < ({share})::float8)"


def sql_hundredth(profile_id: str) -> str:
    """SQL for the hundredth, 0 to 99, that a profile is in: at p percent, those below p are held out."""
    return f"({_sql_number(profile_id)} * 100 >> {_BITS})"


def _sql_number(profile_id: str) -> str:
    """From 0 to below 2 to the power of `_BITS`."""
    hashed = f"encode(sha256(convert_to('{_SALT}profile:' || ({profile_id}), 'UTF8')), 'hex')"
    return f"('x' || left({hashed}, {_BITS // 4}))::bit({_BITS})::bigint"
