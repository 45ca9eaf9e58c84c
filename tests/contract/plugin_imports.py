"""What the plugin uses of Saleor, found in its source: imports, attributes of what is imported, dotted strings."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .facts import PLUGIN, python_files

DOTTED = re.compile(r"saleor(\.[A-Za-z_][A-Za-z0-9_]*)+")


@dataclass(frozen=True)
class Use:
    target: str  # a module, a name in it, or an attribute of such a name
    file: str
    line: int
    guarded: bool  # inside try … except ImportError

    def __str__(self) -> str:
        return f"{self.target}  ({self.file}:{self.line})"


def prefixes(target: str) -> list[str]:
    """`a.b.c` -> [`a.b.c`, `a.b`, `a`]"""
    parts = target.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


def uses(folder: Path = PLUGIN) -> Iterator[Use]:
    for path in python_files(folder):
        yield from uses_in(path.read_text(), str(path.relative_to(folder.parent)))


def uses_in(source: str, file: str = "<source>") -> Iterator[Use]:
    tree = ast.parse(source)
    guarded = _guarded_lines(tree)
    imported = dict(_imported_names(tree))
    docstrings = _docstring_lines(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for target in _targets(node, imported, docstrings):
            yield Use(target, file, line, line in guarded)


def _targets(node: ast.AST, imported: dict[str, str], docstrings: set[int]) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and _is_saleor(node.module) and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if _is_saleor(alias.name))
    elif isinstance(node, ast.Attribute):
        dotted = _dotted(node, imported)
        if dotted:
            yield dotted
    elif isinstance(node, ast.Constant) and node.lineno not in docstrings and DOTTED.fullmatch(str(node.value)):
        yield str(node.value)


def _imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What a name of the file stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_saleor(node.module) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_saleor(alias.name):
                    yield (alias.asname, alias.name) if alias.asname else ("saleor", "saleor")


def _is_saleor(module: str | None) -> bool:
    return module is not None and (module == "saleor" or module.startswith("saleor."))


def _dotted(node: ast.Attribute, imported: dict[str, str]) -> str | None:
    """`calculations.fetch` -> `saleor.checkout.calculations.fetch`, where `calculations` was imported."""
    parts = [node.attr]
    value = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    if not isinstance(value, ast.Name) or value.id not in imported:
        return None
    return ".".join([imported[value.id], *reversed(parts)])


def _guarded_lines(tree: ast.AST) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches_import_error(handler) for handler in node.handlers):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    names = {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)} if handler.type else set()
    return bool(names & {"ImportError", "ModuleNotFoundError", "AttributeError"})


def _docstring_lines(tree: ast.AST) -> set[int]:
    return {
        node.value.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
