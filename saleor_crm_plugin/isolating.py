"""Errors that are the fault of one order or account: a job over many logs them, and goes on with the others.

Any other, like a lost connection, a deadlock or a statement that was cancelled, ends the job, and the next run begins
anew.
"""

from __future__ import annotations

from typing import Final

from django.db import DataError, IntegrityError

from saleor_crm_plugin.exceptions import CRMError

FAULTS_OF_ONE: Final = (
    CRMError,
    IntegrityError,
    DataError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
