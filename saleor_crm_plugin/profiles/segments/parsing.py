"""Reads the text of a query. Pure.

The grammar is that of docs/reference/segment-language.md. The parser keeps its own stack, and whatever is nested too
deeply is refused before anything here calls itself, so no text can exhaust the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from saleor_crm_plugin.profiles.segments import syntax
from saleor_crm_plugin.profiles.segments.problems import Problem, SegmentQueryError, Span
from saleor_crm_plugin.profiles.segments.syntax import QUERY_MAX_LENGTH
from saleor_crm_plugin.texts import UNSTORABLE

# AND, OR and NOT within each other: more than anybody can follow, and far below the interpreter's thousand calls.
MAX_DEPTH = 20
MAX_CONDITIONS = 50
MAX_LIST_LENGTH = 200
# Of a number, before the point. Wider than any column that a number is compared with.
MAX_DIGITS = 15

GRAMMAR = r"""
start: _or
_or: any | _and
any: _and (_OR _and)+
_and: all | _term
all: _term (_AND _term)+
_term: not | condition | "(" _or ")"
not: NOT _term
condition: operand                                                      -> alone
         | operand COMPARISON _literal                                  -> comparison
         | operand [NOT] IN "(" _literal ("," _literal)* ")"            -> within_list
         | operand [NOT] BETWEEN _literal _AND _literal                 -> between
         | operand [NOT] CONTAINS _literal                              -> contains
         | operand IS [NOT] NULL                                        -> is_null
operand: NAME [arguments]
arguments: "(" [argument ("," argument)*] ")"
argument: [NAME ":"] _literal
_literal: STRING | NUMBER | DATE | DURATION | NAME

_AND.2: /and(?![a-z0-9_])/i
_OR.2: /or(?![a-z0-9_])/i
NOT.2: /not(?![a-z0-9_])/i
IN.2: /in(?![a-z0-9_])/i
IS.2: /is(?![a-z0-9_])/i
NULL.2: /null(?![a-z0-9_])/i
BETWEEN.2: /between(?![a-z0-9_])/i
CONTAINS.2: /contains(?![a-z0-9_])/i
NAME: /[a-z][a-z0-9_]*/i
COMPARISON: "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
DATE.3: /[0-9]{4}-[0-9]{2}-[0-9]{2}(?![a-z0-9_.])/i
DURATION.2: /[+-]?[0-9]{1,6}[dwmy](?![a-z0-9_])/i
NUMBER: /-?[0-9]+(\.[0-9]+)?(?![a-z0-9_.])/i
STRING: /'([^'\\\x00-\x1f]|\\['"\\])*'|"([^"\\\x00-\x1f]|\\['"\\])*"/
%ignore /[ \t\r\n]+/
"""

_FIELD = "a field"
_VALUE = "a value"
# What to call the parser's words, those that begin the same thing under one name.
_NAMES = {
    "NAME": _FIELD,
    "STRING": _VALUE,
    "NUMBER": _VALUE,
    "DATE": _VALUE,
    "DURATION": _VALUE,
    "COMPARISON": "a comparison (=, !=, <, <=, >, >=)",
    "_AND": "AND",
    "_OR": "OR",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "COLON": "a colon",
    "$END": "the end of the query",
}
_VALUES = {"STRING", "NUMBER", "DATE", "DURATION"}
_LEADS = {"'": "a text that ends with the same quote", '"': "a text that ends with the same quote"}


# Each order asks about every segment of the shop, in words that hardly ever change.
@lru_cache(maxsize=1000)
def parse(text: str) -> syntax.Node:
    """The tree of a query.

    Raises:
        SegmentQueryError: it does not follow the grammar, or is beyond a limit.
    """
    _check_text(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise SegmentQueryError([_problem(error, text)]) from None
    _check_size(tree, text)
    return _node(tree.children[0], text)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def _check_text(text: str) -> None:
    if len(text) > QUERY_MAX_LENGTH:
        raise _refused(_span_at(text, QUERY_MAX_LENGTH, len(text)), "more text", f"up to {QUERY_MAX_LENGTH} characters")
    if not text.strip(" \t\r\n"):
        raise _refused(Span(0, 0, 1, 1), "", "a condition, for example orders_count >= 3")
    if found := UNSTORABLE.search(text):
        raise _refused(_span_at(text, *found.span()), "a character that no text can hold", "another one")


def _check_size(tree: Tree[Token], text: str) -> None:
    conditions = 0
    stack: list[tuple[Any, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if not isinstance(node, Tree):
            continue
        if node.data in ("any", "all", "not"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused(_span(node, text), "one thing too deep in another", f"up to {MAX_DEPTH} levels")
        elif node.data in ("alone", "comparison", "within_list", "between", "contains", "is_null"):
            conditions += 1
            if conditions > MAX_CONDITIONS:
                raise _refused(_span(node, text), "one condition too many", f"up to {MAX_CONDITIONS} conditions")
        # From the left, so that the first that is too many is named.
        stack.extend((child, depth) for child in reversed(node.children))


def _problem(error: UnexpectedInput, text: str) -> Problem:
    if isinstance(error, UnexpectedToken):
        # Not `error.expected`, which names words that the parser finds impossible one step later.
        expected = _expected(error.accepts or error.expected)
        if error.token.type == "$END":
            return Problem(_span_at(text, len(text), len(text)), "", expected)
        return Problem(_token_span(error.token), str(error.token), expected)
    assert isinstance(error, UnexpectedCharacters)
    position = error.pos_in_stream
    assert position is not None
    character = text[position]
    span = _span_at(text, position, position + 1)
    return Problem(span, character, _LEADS.get(character) or _expected(error.allowed or ()))


def _expected(names: Iterable[str]) -> str:
    names = set(names)
    # A word without quotes is a field where no other value can stand.
    if names & _VALUES:
        names -= {"NAME"}
    words = sorted({_NAMES.get(name, name) for name in names})
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "something else"


def _node(tree: Any, text: str) -> syntax.Node:
    if tree.data == "any":
        return syntax.Or(tuple(_node(child, text) for child in tree.children))
    if tree.data == "all":
        return syntax.And(tuple(_node(child, text) for child in tree.children))
    if tree.data == "not":
        return syntax.Not(_node(tree.children[1], text))
    return _CONDITIONS[tree.data](tree, text)


def _alone(tree: Tree[Token], text: str) -> syntax.Condition:
    return _condition(tree, text, "", None, ())


def _comparison(tree: Tree[Token], text: str) -> syntax.Condition:
    _operand, comparison, value = tree.children
    operator = "!=" if comparison == "<>" else str(comparison)
    return _condition(tree, text, operator, comparison, (value,))


def _with_not(operator: str) -> Callable[[Tree[Token], str], syntax.Condition]:
    def read(tree: Tree[Any], text: str) -> syntax.Condition:
        _operand, negation, word, *values = tree.children
        if len(values) > MAX_LIST_LENGTH:
            excess: Any = values[MAX_LIST_LENGTH]
            raise _refused(_token_span(excess), "one value too many", f"up to {MAX_LIST_LENGTH}")
        return _condition(tree, text, operator, word, values, negated=negation is not None)

    return read


def _is_null(tree: Tree[Token], text: str) -> syntax.Condition:
    _operand, word, negation, _null = tree.children
    return _condition(tree, text, "IS NULL", word, (), negated=negation is not None)


def _condition(
    tree: Tree[Token], text: str, operator: str, word: Any, values: Iterable[Any], *, negated: bool = False
) -> syntax.Condition:
    operand = _operand(tree.children[0], text)
    return syntax.Condition(
        operand=operand,
        operator=operator,
        values=tuple(map(_literal, values)),
        negated=negated,
        span=_span(tree, text),
        operator_span=operand.span if word is None else _token_span(word),
    )


def _operand(tree: Any, text: str) -> syntax.Operand:
    name, arguments = tree.children
    given = [child for child in arguments.children if child is not None] if arguments is not None else []
    return syntax.Operand(
        name=name.lower(),
        arguments=tuple(_argument(child, text) for child in given),
        span=_span(tree, text),
        name_span=_token_span(name),
    )


def _argument(tree: Any, text: str) -> syntax.Argument:
    name, value = tree.children
    return syntax.Argument(name.lower() if name is not None else "", _literal(value), _span(tree, text))


def _literal(token: Token) -> syntax.Literal:
    span = _token_span(token)
    return _LITERALS[token.type](str(token), span)


def _text(value: str, span: Span) -> syntax.Literal:
    plain: list[str] = []
    inner = iter(value[1:-1])
    for character in inner:
        plain.append(next(inner) if character == "\\" else character)
    return syntax.Text("".join(plain), span)


def _number(value: str, span: Span) -> syntax.Literal:
    if len(value.lstrip("-").partition(".")[0]) > MAX_DIGITS:
        raise SegmentQueryError([Problem(span, value, f"a number of up to {MAX_DIGITS} digits")])
    return syntax.Number(Decimal(value), span)


def _date(value: str, span: Span) -> syntax.Literal:
    year, month, day = map(int, value.split("-"))
    return syntax.Date(year, month, day, span)


def _duration(value: str, span: Span) -> syntax.Literal:
    sign = value[0] if value[0] in "+-" else ""
    return syntax.Duration(sign, int(value[len(sign) : -1]), value[-1].lower(), span)


_LITERALS: dict[str, Callable[[str, Span], syntax.Literal]] = {
    "STRING": _text,
    "NUMBER": _number,
    "DATE": _date,
    "DURATION": _duration,
    "NAME": syntax.Word,
}
_CONDITIONS: dict[str, Callable[[Tree[Token], str], syntax.Condition]] = {
    "alone": _alone,
    "comparison": _comparison,
    "within_list": _with_not("IN"),
    "between": _with_not("BETWEEN"),
    "contains": _with_not("CONTAINS"),
    "is_null": _is_null,
}


def _refused(span: Span, found: str, expected: str) -> SegmentQueryError:
    return SegmentQueryError([Problem(span, found, expected)])


def _span(tree: Tree[Token], text: str) -> Span:
    return _span_at(text, tree.meta.start_pos, tree.meta.end_pos)


def _token_span(token: Token) -> Span:
    start, end, line, column = token.start_pos, token.end_pos, token.line, token.column
    # The parser knows the place of every word that it has read from a text.
    assert None not in (start, end, line, column)
    return Span(start or 0, end or 0, line or 1, column or 1)


def _span_at(text: str, start: int, end: int) -> Span:
    before = text[:start]
    return Span(start, end, before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1)
