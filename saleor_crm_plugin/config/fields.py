"""A plugin's settings page as a list of fields: how Saleor stores them, shows them and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from saleor_crm_plugin.config.parsing import Flag, Parser


class Widget(StrEnum):
    """How the Dashboard shows a field: the values of Saleor's `ConfigurationTypeField`."""

    TEXT = "String"
    CHECKBOX = "Boolean"
    STATUS = "OUTPUT"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field on the plugin's page.

    Args:
        default: what the Dashboard shows until the field is saved.
        parser: None for a status line, which is computed when shown and never stored.
        guards: the field that is taken as empty while a stored value of this one cannot be read, so that points are
            neither earned nor spent on terms that nobody set.
    """

    name: str
    label: str
    help_text: str
    default: str | bool
    parser: Parser | None
    guards: str | None = None

    @property
    def widget(self) -> Widget:
        if self.parser is None:
            return Widget.STATUS
        return Widget.CHECKBOX if isinstance(self.parser, Flag) else Widget.TEXT


def field(
    name: str,
    label: str,
    explanation: str,
    default: str | bool,
    parser: Parser | None,
    guards: str | None = None,
) -> FieldSpec:
    """A field whose help text ends with the limits that its parser holds to."""
    limits = parser.limits if parser else ""
    return FieldSpec(name, label, f"{explanation} {limits}".strip(), default, parser, guards)


def config_structure(fields: Iterable[FieldSpec]) -> dict[str, dict[str, str]]:
    """The fields as Saleor's `CONFIG_STRUCTURE`."""
    return {spec.name: {"type": spec.widget.value, "label": spec.label, "help_text": spec.help_text} for spec in fields}


def default_configuration(fields: Iterable[FieldSpec]) -> list[dict[str, Any]]:
    """The fields as Saleor's `DEFAULT_CONFIGURATION`."""
    return [{"name": spec.name, "value": spec.default} for spec in fields]


def in_display_order(configuration: Iterable[dict[str, Any]], fields: Sequence[FieldSpec]) -> list[dict[str, Any]]:
    """The known items, each once, in the order of the fields: Saleor shows them in the order in which it has them."""
    items = {item.get("name"): item for item in configuration}
    return [items[spec.name] for spec in fields if spec.name in items]


def read_values(
    configuration: Iterable[Mapping[str, Any]] | None, fields: Iterable[FieldSpec]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Parse what is filled in.

    Returns:
        The parsed values of the fields that are neither missing, empty nor wrong; and a message for each wrong one.
    """
    raw = stored_values(configuration)
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for spec in fields:
        value = raw.get(spec.name)
        if spec.parser is None or is_empty(value):
            continue
        try:
            values[spec.name] = spec.parser(value)
        except ValueError as error:
            errors[spec.name] = str(error)
    return values, errors


def stored_values(configuration: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Name -> value of Saleor's list of items; a field that was never saved is missing."""
    # A row that Saleor made without any settings holds {} instead of a list.
    items = configuration if isinstance(configuration, list | tuple) else ()
    return {item["name"]: item.get("value") for item in items if "name" in item}


def is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
