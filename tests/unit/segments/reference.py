"""The tables of docs/reference/segment-language.md, as they follow from the code."""

from __future__ import annotations

from saleor_crm_plugin.ingestion.segment_fields import REGISTRY
from saleor_crm_plugin.profiles.segments import parsing
from saleor_crm_plugin.profiles.segments.editing import MAX_SEGMENTS
from saleor_crm_plugin.profiles.segments.registry import Field, SetField
from saleor_crm_plugin.profiles.segments.syntax import QUERY_MAX_LENGTH


def field_table() -> str:
    rows = ["| field | compared with | meaning |", "|---|---|---|", *map(_row, REGISTRY.fields)]
    return "\n".join(rows) + "\n"


def _row(field: Field) -> str:
    parameters = ", ".join(
        f"{parameter.name}" if parameter.required else f"{parameter.name}?" for parameter in field.parameters
    )
    name = f"`{field.name}({parameters})`" if parameters else f"`{field.name}`"
    if field.alias:
        name += f", `{field.alias}`"
    words = getattr(field.type, "words", ())
    compared = ", ".join(f"`{word}`" for word in words) if words else field.type.label
    if isinstance(field, SetField):
        compared += "; several"
    notes = [f"`{p.name}`: {', '.join(f'`{word}`' for word in getattr(p.type, 'words', ()))}" for p in field.parameters]
    said = [note for note in notes if not note.endswith(": ")]
    return f"| {name} | {compared} | {field.description}{''.join(f' {note}.' for note in said)} |"


def limit_table() -> str:
    limits = {
        "characters of a query": QUERY_MAX_LENGTH,
        "conditions": parsing.MAX_CONDITIONS,
        "`AND`, `OR` and `NOT` within each other": parsing.MAX_DEPTH,
        "values of an `IN`": parsing.MAX_LIST_LENGTH,
        "digits of a number": parsing.MAX_DIGITS,
        "segments of a shop": MAX_SEGMENTS,
    }
    rows = ["| of | at most |", "|---|---|", *(f"| {what} | {limit:,} |" for what, limit in limits.items())]
    return "\n".join(rows) + "\n"
