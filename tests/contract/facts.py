"""Saleor's facts, version by version: names, types and signatures that were read off running Saleors.

`facts/*.json` keeps those that the stand-in or the plugin uses. A fact that is the same in all versions stands there
once; one that is not stands as `{"by version": {...}}`, with null where a version has no such thing.
`refresh_facts.py` writes them from the complete facts, which lie beside the repository.
"""

import ast
import json
import operator
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

VERSIONS = ("3.21", "3.22", "3.23", "3.24")
HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
KEPT = HERE / "facts"
COMPLETE = REPOSITORY.parent / "shared" / "saleor-facts"
STAND_IN = REPOSITORY / "tests" / "devshop" / "saleor"
PLUGIN = REPOSITORY / "saleor_crm_plugin"
BY_VERSION = "by version"

# A prototype of the plugin was loaded while the facts of 3.24 were read. None of this is Saleor's.
NOT_SALEORS_TYPES = {"CRMError", "CRMErrorCode", "LoyaltyAccount", "LoyaltyPointsAdjust"}
NOT_SALEORS_FIELDS = {("Query", "loyaltyAccount"), ("Mutation", "loyaltyPointsAdjust"), ("User", "loyalty")}


def pack(values: dict[str, Any]) -> Any:
    first = values[VERSIONS[0]]
    return first if all(value == first for value in values.values()) else {BY_VERSION: values}


def unpack(kept: Any) -> dict[str, Any]:
    if isinstance(kept, dict) and set(kept) == {BY_VERSION}:
        return kept[BY_VERSION]
    return dict.fromkeys(VERSIONS, kept)


def kept(kind: str) -> dict[str, Any]:
    return json.loads((KEPT / f"{kind}.json").read_text())


def complete(kind: str) -> dict[str, Any]:
    """All facts of a kind, by version."""
    facts = {version: json.loads((COMPLETE / version / f"{kind}.json").read_text()) for version in VERSIONS}
    if kind == "graphql":
        for types in facts.values():
            _drop_what_is_not_saleors(types)
    return facts


def _drop_what_is_not_saleors(types: dict[str, Any]) -> None:
    for name in NOT_SALEORS_TYPES:
        types.pop(name, None)
    for type_name, field_name in NOT_SALEORS_FIELDS:
        types[type_name]["fields"].pop(field_name, None)


def differences(ours: Any, facts: Any, agrees: Callable[[Any, Any], bool] = operator.eq) -> list[str]:
    """Say in which versions something of ours is not as in Saleor."""
    return [
        f"{version}: ours {ours!r}, Saleor's {fact!r}"
        for version, fact in unpack(facts).items()
        if not agrees(ours, fact)
    ]


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The argument names of a function, as the facts write them."""
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    if arguments.vararg:
        names.append(f"*{arguments.vararg.arg}")
    elif arguments.kwonlyargs:
        names.append("*")
    names += [argument.arg for argument in arguments.kwonlyargs]
    if arguments.kwarg:
        names.append(f"**{arguments.kwarg.arg}")
    return f"def({', '.join(names)})"


def defined_names(source: str) -> dict[str, str]:
    """What a module defines itself: a class, a value, or a function with its arguments."""
    names: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            names[node.name] = "class"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names[node.name] = signature(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update((target.id, "value") for target in targets if isinstance(target, ast.Name))
    return names


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def python_files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*.py")) if "migrations" not in path.parts)


def stand_in_symbols() -> dict[str, dict[str, str]]:
    """Public names of public modules of the stand-in. What begins with an underscore is its own affair."""
    symbols = {}
    for path in python_files(STAND_IN):
        module = module_name(path, STAND_IN.parent)
        if any(part.startswith("_") for part in module.split(".")):
            continue
        names = defined_names(path.read_text())
        public = {name: kind for name, kind in names.items() if not name.startswith("_")}
        if public:
            symbols[module] = public
    return symbols
