"""An empty Django app: Saleor installs one app for each plugin class, and `crm.loyalty` is our second class.

Saleor's plugin loader (`saleor.settings`) takes one class per entry point and puts the entry point's name into
INSTALLED_APPS, where it must be importable and unique.
"""
