"""`sameness.mailbox_of` in SQL."""

from __future__ import annotations

from django.db.models import Func, TextField, Value
from django.db.models.functions import Concat, Lower, Replace, Trim


def mailbox_at(path: str) -> Concat:
    """The mailbox of the address that a field has; null where it has none."""
    address = Lower(Trim(path))
    name = Replace(_without(address, "([+].*)?@[^@]*$"), Value("."), Value(""), output_field=TextField())
    return Concat(name, Value("@"), _without(address, "^.*@"), output_field=TextField())


def _without(address: Lower, pattern: str) -> Func:
    return Func(address, Value(pattern), Value(""), function="regexp_replace", output_field=TextField())
