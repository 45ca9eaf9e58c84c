"""The page at GET /graphql/: ask the shop from a browser. One file, which loads nothing from anywhere."""

from dataclasses import asdict
from pathlib import Path

from django.utils.html import json_script

from tests.devshop.samples import logins, samples

PAGE = Path(__file__).with_name("explorer.html")
OFFER = "<!-- offer -->"


def render() -> str:
    offer = {
        "logins": [asdict(login) for login in logins()],
        "samples": [asdict(sample) for sample in samples()],
    }
    return PAGE.read_text(encoding="utf-8").replace(OFFER, json_script(offer, "offer"))
