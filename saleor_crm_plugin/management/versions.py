"""Versions of the recommendation model as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from saleor_crm_plugin.recommendations.models import RecommendationModel

# What was read, in the order in which it is told.
_FIGURES = ("lines", "orders", "customers", "products")


def version_lines(versions: Iterable[RecommendationModel]) -> Iterator[str]:
    """A table of versions, with what else there is to say about each below it."""
    yield f"{'model':>6}  {'status':<10} {'started':<20} {'finished':<20} learnt from"
    for version in versions:
        status = "withdrawn" if version.withdrawn_at is not None else version.status
        yield (
            f"{version.pk:>6}  {status:<10} {_moment(version.started_at):<20} {_moment(version.finished_at):<20} "
            f"{learnt_from(version)}"
        ).rstrip()
        if version.message:
            yield f"{'':8}{version.message}"
        for line in evaluation_lines(version.evaluation):
            yield f"{'':8}{line}"


def evaluation_lines(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """What a version was worth on held-out weeks beside simple methods, and what was decided."""
    for question, said in (("next_basket", "next basket"), ("explore", "first purchases")):
        figures = evaluation.get(question, {})
        if "model" in figures:
            others = ", ".join(f"{name} {found['value']:.4f}" for name, found in figures.items() if name != "model")
            model = figures["model"]
            yield (
                f"{said}: nDCG@10 {model['value']:.4f} ({model['low']:.4f} to {model['high']:.4f}, "
                f"{model['cases']:,} customers); {others}"
            )
    yield from evaluation.get("notes", [])


def learnt_from(version: RecommendationModel) -> str:
    """The figures of a version in a few words."""
    data = version.training_data
    figures = ", ".join(f"{data[name]:,} {name}" for name in _FIGURES if name in data)
    since = f" since {data['since']}" if "since" in data else ""
    return f"{data['engine']}: {figures}" if "engine" in data else figures + since


def _moment(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else "-"
