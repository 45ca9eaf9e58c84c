"""Forecasts in the API: of a customer, and how far they can be trusted."""
