"""Write `facts/*.json` anew: python -m tests.contract.refresh_facts

Needs the complete facts beside the repository, and the stand-in's dependencies. No database.
"""

import json
import os
from typing import Any

from . import plugin_imports
from .exceptions import RE_EXPORTS
from .facts import COMPLETE, KEPT, VERSIONS, complete, pack, stand_in_symbols


def models() -> dict[str, Any]:
    from .ours import our_models

    facts = complete("models")
    return {
        label: {
            "db_table": pack({v: facts[v].get(label, {}).get("db_table") for v in VERSIONS}),
            "ordering": pack({v: facts[v].get(label, {}).get("ordering") for v in VERSIONS}),
            "fields": {
                name: pack({v: facts[v].get(label, {}).get("fields", {}).get(name) for v in VERSIONS})
                for name in ours["fields"]
            },
        }
        for label, ours in our_models().items()
    }


def hooks() -> dict[str, Any]:
    from .ours import our_base_plugin, our_manager

    facts = complete("plugins")
    attributes, hook_names, methods = our_base_plugin()
    wanted = {
        "manager": our_manager(),
        "attributes": attributes,
        "hooks": hook_names,
        "base_plugin": methods,
    }
    return {
        section: {
            name: pack({v: _without_annotations(facts[v][section].get(name)) for v in VERSIONS}) for name in names
        }
        for section, names in wanted.items()
    }


def _without_annotations(fact: Any) -> Any:
    if not isinstance(fact, list):
        return fact
    return [{key: value for key, value in argument.items() if key != "annotation"} for argument in fact]


def symbols() -> dict[str, Any]:
    """Modules and names that the stand-in defines or the plugin uses, as far as any version has them."""
    facts = complete("symbols")
    existing = {v: _with_packages(facts[v]) for v in VERSIONS}
    known = set().union(*existing.values())
    wanted = {module: set(names) for module, names in stand_in_symbols().items() if module in known}
    for target in {use.target for use in plugin_imports.uses()} | set(RE_EXPORTS.values()):
        for prefix in plugin_imports.prefixes(target):
            module, _dot, name = prefix.rpartition(".")
            if prefix in known:
                wanted.setdefault(prefix, set())
            elif module in known:
                wanted.setdefault(module, set()).add(name)
    return {
        "modules": {module: pack({v: module in existing[v] for v in VERSIONS}) for module in sorted(wanted)},
        "names": {
            module: {
                name: pack({v: facts[v].get(module, {}).get(name) for v in VERSIONS})
                for name in sorted(names)
                if any(name in facts[v].get(module, {}) for v in VERSIONS)
            }
            for module, names in sorted(wanted.items())
            if names
        },
    }


def _with_packages(modules: dict[str, Any]) -> set[str]:
    """A package without a name of its own is not in the facts, but what is in it is."""
    return {".".join(module.split(".")[:depth]) for module in modules for depth in range(1, module.count(".") + 2)}


def graphql() -> dict[str, Any]:
    from .ours import our_graphql

    facts = complete("graphql")
    ours = our_graphql()
    extended = ("Query", "Mutation", "User", "Product", "Checkout", "Order")
    return {
        "types": {name: _type_facts(ours[name], {v: facts[v].get(name, {}) for v in VERSIONS}) for name in ours},
        "all type names": sorted({name for v in VERSIONS for name in facts[v]}),
        "all field names": {
            name: sorted({field for v in VERSIONS for field in facts[v][name]["fields"]}) for name in extended
        },
    }


def _type_facts(ours: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"kind": pack({v: facts[v].get("kind") for v in VERSIONS})}
    for key in ("interfaces", "values", "types"):
        if ours.get(key):
            kept[key] = {name: pack({v: name in facts[v].get(key, []) for v in VERSIONS}) for name in ours[key]}
    if "fields" in ours:
        kept["fields"] = {
            name: {
                "type": pack({v: _field(facts[v], name).get("type") for v in VERSIONS}),
                "args": {
                    argument: pack({v: _field(facts[v], name).get("args", {}).get(argument) for v in VERSIONS})
                    for argument in field.get("args", {})
                },
            }
            for name, field in ours["fields"].items()
        }
    return kept


def _field(fact: dict[str, Any], name: str) -> dict[str, Any]:
    return fact.get("fields", {}).get(name) or {}


def everything() -> dict[str, dict[str, Any]]:
    return {"models": models(), "hooks": hooks(), "symbols": symbols(), "graphql": graphql()}


def as_text(facts: dict[str, Any]) -> str:
    """One line for each entry of the second level, so that a change shows as a change of lines."""
    lines = []
    for section, entries in sorted(facts.items()):
        if isinstance(entries, dict):
            inner = ",\n".join(
                f"  {json.dumps(name)}: {json.dumps(entry, sort_keys=True)}" for name, entry in sorted(entries.items())
            )
            lines.append(f" {json.dumps(section)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(section)}: {json.dumps(entries)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.devshop.test_settings")
    import django

    django.setup()
    if not COMPLETE.exists():
        raise SystemExit(f"The complete facts are not at {COMPLETE}.")
    KEPT.mkdir(exist_ok=True)
    for kind, facts in everything().items():
        (KEPT / f"{kind}.json").write_text(as_text(facts))


if __name__ == "__main__":
    main()
