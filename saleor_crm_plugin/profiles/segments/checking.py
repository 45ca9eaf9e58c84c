"""Whether a query makes sense: its fields exist, and are asked what they can answer. Pure.

Everything that is wrong is found at once, not one thing after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from saleor_crm_plugin.profiles.segments import syntax
from saleor_crm_plugin.profiles.segments.problems import Problem, SegmentQueryError, Span, nearest
from saleor_crm_plugin.profiles.segments.registry import CountField, Field, Parameter, Registry
from saleor_crm_plugin.profiles.segments.values import Constant, Name, written


@dataclass(frozen=True, slots=True)
class Condition:
    """A field and what is asked about it, in values of the right types.

    Attributes:
        operator: as in `syntax.Condition`, but `!=` is `=` negated, and CONTAINS is `=`.
        is_under_not: it stands below an odd number of NOT.
    """

    field: Field
    arguments: Mapping[str, Constant]
    operator: str
    values: tuple[Constant, ...]
    negated: bool
    span: Span
    is_under_not: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    term: Node


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Node, ...]


Node = Condition | Not | And | Or


def check(tree: syntax.Node, registry: Registry) -> Node:
    """The same tree in the terms of the registry.

    Raises:
        SegmentQueryError: with everything that is wrong.
    """
    problems: list[Problem] = []
    checked = _check(tree, registry, problems, is_under_not=False)
    if problems or checked is None:
        raise SegmentQueryError(problems)
    return checked


def conditions(node: Node) -> Iterator[Condition]:
    """The conditions of a query, in the order in which they are written."""
    match node:
        case Condition():
            yield node
        case Not():
            yield from conditions(node.term)
        case And() | Or():
            for term in node.terms:
                yield from conditions(term)


def names(node: Node) -> list[Name]:
    """The things of the shop that a query names."""
    return [
        value
        for condition in conditions(node)
        for value in (*condition.arguments.values(), *condition.values)
        if isinstance(value, Name)
    ]


def _check(node: syntax.Node, registry: Registry, problems: list[Problem], *, is_under_not: bool) -> Node | None:
    match node:
        case syntax.Condition():
            try:
                return _condition(node, registry, is_under_not=is_under_not)
            except SegmentQueryError as error:
                problems.extend(error.problems)
                return None
        case syntax.Not():
            term = _check(node.term, registry, problems, is_under_not=not is_under_not)
            return term and Not(term)
    terms = [_check(term, registry, problems, is_under_not=is_under_not) for term in node.terms]
    found = tuple(term for term in terms if term is not None)
    return And(found) if isinstance(node, syntax.And) else Or(found)


def _condition(node: syntax.Condition, registry: Registry, *, is_under_not: bool) -> Condition:
    field = registry.find(node.operand.name)
    if field is None:
        name = node.operand.name
        raise _refuse(node.operand.name_span, name, "a field", nearest(name, registry.names))
    arguments = _arguments(node.operand, field)
    _check_operator(node, field)
    if node.operator and "times" in arguments:
        given = next(argument for argument in node.operand.arguments if argument.name == "times")
        raise _refuse(given.span, "times", "either times or a comparison after the parentheses, not both")
    values = tuple(field.type.read(value) for value in node.values)
    return Condition(
        field=field,
        arguments=arguments,
        operator={"!=": "=", "CONTAINS": "="}.get(node.operator, node.operator),
        values=values,
        negated=node.negated or node.operator == "!=",
        span=node.span,
        is_under_not=is_under_not,
    )


def _check_operator(node: syntax.Condition, field: Field) -> None:
    if node.operator in field.operators:
        return
    expected = ", ".join(operator for operator in field.operators if operator)
    if not node.operator:
        raise _refuse(node.operand.span, f"{field.name} alone", f"one of {expected} after it")
    if isinstance(field, CountField):
        expected = f"nothing more, or {expected}"
    raise _refuse(node.operator_span, node.operator, f"{expected} (of a {field.type.label})")


def _arguments(operand: syntax.Operand, field: Field) -> dict[str, Constant]:
    found: dict[str, Constant] = {}
    for position, argument in enumerate(operand.arguments):
        parameter = _parameter(argument, position, field)
        if parameter.name in found:
            raise _refuse(argument.span, f"{parameter.name} twice", "each argument once")
        found[parameter.name] = parameter.type.read(argument.value)
    for parameter in field.parameters:
        if parameter.required and parameter.name not in found:
            found_there = f"{field.name} without {parameter.name}"
            raise _refuse(operand.span, found_there, f"{field.name}({parameter.name}: the {parameter.type.label})")
    return found


def _parameter(argument: syntax.Argument, position: int, field: Field) -> Parameter:
    known = [parameter.name for parameter in field.parameters]
    if not known:
        raise _refuse(argument.span, written(argument.value), f"no argument: {field.name} takes none")
    if not argument.name:
        if position:
            raise _refuse(argument.span, written(argument.value), f"its name in front: {', '.join(known)}")
        return field.parameters[0]
    parameter = field.parameter(argument.name)
    if parameter is None:
        raise _refuse(argument.span, argument.name, f"one of {', '.join(known)}", nearest(argument.name, known))
    return parameter


def _refuse(span: Span, found: str, expected: str, suggestion: str = "") -> SegmentQueryError:
    return SegmentQueryError([Problem(span, found, expected, suggestion)])
