"""Invariant 1 of the design, checked by the audit that operators run."""

from __future__ import annotations

from saleor_crm_plugin.loyalty.audit import CHECKS, findings


def assert_ledger_adds_up() -> None:
    found = [finding for check in CHECKS for finding in findings(check)]
    assert not found, found
