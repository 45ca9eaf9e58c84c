"""A stand-in for Saleor: the part of its surface that the plugin uses, written from facts, in our own words."""

from .celeryconf import app as celery_app

__all__ = ["celery_app"]
__version__ = "3.22.0"
