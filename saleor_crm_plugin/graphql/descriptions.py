"""Texts that several descriptions share."""

from __future__ import annotations

ADDED_IN_010 = "\n\nAdded in saleor-crm-plugin 0.1.0."
