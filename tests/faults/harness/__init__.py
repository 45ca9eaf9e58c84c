"""Starts the shop's processes, and breaks them at a chosen point."""
