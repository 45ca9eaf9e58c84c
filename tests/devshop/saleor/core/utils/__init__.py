"""The shop's own address."""

from urllib.parse import urljoin

from django.conf import settings


def build_absolute_uri(location: str, domain: str | None = None) -> str:
    """A path on the shop's domain, with the domain before it."""
    return urljoin(f"http://{domain}/" if domain else settings.PUBLIC_URL, location)
