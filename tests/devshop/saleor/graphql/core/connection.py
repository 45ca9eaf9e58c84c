"""Lists in pages. A queryset is cut by the values of its sort fields, a list by position."""

import json
from typing import Any

import graphene
from django.conf import settings
from django.db.models import Model, Q, QuerySet
from graphene.relay import Connection
from graphql import GraphQLError
from graphql.language.ast import FragmentSpread, InlineFragment, SelectionSet
from graphql_relay.connection.arrayconnection import connection_from_list_slice
from graphql_relay.utils import base64, unbase64

from ...core.db.connection import allow_writer_in_context
from .context import ChannelContext, ChannelQsContext, SyncWebhookControlContext
from .types.base import BaseConnection
from .types.common import NonNullList

ConnectionArguments = dict[str, Any]


def to_global_cursor(values: Any) -> str:
    values = values if isinstance(values, list | tuple) else [values]
    return base64(json.dumps([None if value is None else str(value) for value in values]))


def from_global_cursor(cursor: str) -> list[str]:
    return json.loads(unbase64(cursor))


def get_field_value(instance: Model, field_name: str) -> Any:
    value: Any = instance
    for part in field_name.split("__"):
        value = getattr(value, part, None)
    return str(value()) if callable(value) else value


def create_connection_slice(
    iterable: Any,
    info: Any,
    args: ConnectionArguments,
    connection_type: Any,
    edge_type: Any = None,
    pageinfo_type: Any = graphene.relay.PageInfo,
    max_limit: int | None = None,
) -> Connection:
    _validate_slice_args(info, args, max_limit)
    if isinstance(iterable, list):
        return slice_connection_iterable(iterable, args, connection_type, edge_type, pageinfo_type)
    queryset = iterable.qs if isinstance(iterable, ChannelQsContext) else iterable
    with allow_writer_in_context(info.context):
        page = connection_from_queryset_slice(
            queryset, args, connection_type, edge_type or connection_type.Edge, pageinfo_type
        )
    if isinstance(iterable, ChannelQsContext):
        for edge in page.edges:
            edge.node = ChannelContext(node=edge.node, channel_slug=iterable.channel_slug)
    return page


def create_connection_slice_for_sync_webhook_control_context(
    iterable: Any,
    info: Any,
    args: ConnectionArguments,
    connection_type: Any,
    allow_sync_webhooks: bool,
) -> Connection:
    page = create_connection_slice(iterable, info, args, connection_type)
    for edge in page.edges:
        edge.node = SyncWebhookControlContext(edge.node, allow_sync_webhooks)
    return page


def slice_connection_iterable(
    iterable: list,
    args: ConnectionArguments,
    connection_type: Any,
    edge_type: Any = None,
    pageinfo_type: Any = None,
) -> Connection:
    page = connection_from_list_slice(
        iterable,
        args,
        slice_start=0,
        list_length=len(iterable),
        list_slice_length=len(iterable),
        connection_type=connection_type,
        edge_type=edge_type or connection_type.Edge,
        pageinfo_type=pageinfo_type or graphene.relay.PageInfo,
    )
    if args.get("first") and args.get("after"):
        page.page_info.has_previous_page = True
    if args.get("last") and args.get("before"):
        page.page_info.has_next_page = True
    if "total_count" in connection_type._meta.fields:
        page.total_count = len(iterable)
    return page


def connection_from_queryset_slice(
    qs: QuerySet,
    args: ConnectionArguments | None = None,
    connection_type: Any = Connection,
    edge_type: Any = None,
    pageinfo_type: Any = graphene.relay.PageInfo,
) -> Connection:
    args = args or {}
    _validate_connection_args(args)
    first, last = args.get("first"), args.get("last")
    wanted = first or last
    sort_by = args.get("sort_by") or _default_sort(qs.model)
    qs = _with_sort_columns(qs, sort_by, args.get("channel"))
    fields = _get_sorting_fields(sort_by)
    backwards = (sort_by.get("direction", "") == "-") != bool(last)
    rows = qs.order_by(*[f"-{field}" if backwards else field for field in fields])
    cursor = args.get("after") or args.get("before")
    try:
        after = from_global_cursor(cursor) if cursor else None
        if after and len(after) != len(fields):
            raise ValueError("The cursor belongs to another order.")
        page = rows.filter(_beyond(fields, after, "lt" if backwards else "gt")) if after else rows
    except ValueError as error:
        raise GraphQLError("The cursor is none of this list's.") from error
    found = list(page[: wanted + 1]) if wanted else []
    more = wanted is not None and len(found) > wanted
    found = found[:wanted]
    if last:
        found.reverse()
    edges = [
        edge_type(node=row, cursor=to_global_cursor([get_field_value(row, field) for field in fields])) for row in found
    ]
    page_info = pageinfo_type(
        has_next_page=bool(cursor) if last else more,
        has_previous_page=more if last else bool(cursor and wanted),
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    counts = {"total_count": qs.count} if "total_count" in connection_type._meta.fields else {}
    return connection_type(edges=edges, page_info=page_info, **counts)


def _default_sort(model: type[Model]) -> dict[str, Any]:
    """The order of the model, whatever order the queryset had; the primary key last, so that no two rows are equal."""
    ordering = [str(name) for name in model._meta.ordering or ["pk"]]
    fields = [name.lstrip("-") for name in ordering]
    if not {"pk", "id"} & set(fields):
        fields.append("pk")
    return {"field": fields, "direction": "-" if ordering[0].startswith("-") else ""}


def _with_sort_columns(qs: QuerySet, sort_by: Any, channel_slug: str | None) -> QuerySet:
    """A sort enum may add the column that one of its values sorts by, in a method `qs_with_<value>`."""
    sort_enum = getattr(getattr(sort_by, "_meta", None), "sort_enum", None)
    if sort_enum is None:
        return qs
    name = sort_enum.get(sort_by.get("field")).name.lower()
    annotate = getattr(sort_enum, f"qs_with_{name}", None)
    return annotate(qs, channel_slug=channel_slug) if annotate else qs


def _get_sorting_fields(sort_by: Any) -> list[str]:
    chosen = sort_by.get("field")
    return [chosen] if isinstance(chosen, str) else list(chosen)


def _beyond(fields: list[str], values: list[str | None], direction: str) -> Q:
    """(a > x) or (a = x and b > y) or …, where null is above everything."""
    condition = Q()
    for position, (field, value) in enumerate(zip(fields, values, strict=True)):
        same = dict(zip(fields[:position], values[:position], strict=True))
        if direction == "gt" and value is not None:
            condition |= Q(Q(**{f"{field}__gt": value}) | Q(**{f"{field}__isnull": True}), **same)
        elif direction == "lt":
            below = {f"{field}__isnull": False} if value is None else {f"{field}__lt": value}
            condition |= Q(**same, **below)
    return condition


def _validate_connection_args(args: ConnectionArguments) -> None:
    for name in ("first", "last"):
        if (args.get(name) or 0) < 0:
            raise GraphQLError(f"`{name}` is less than 0.")
    for one, other in (("first", "last"), ("first", "before"), ("last", "after")):
        if args.get(one) and args.get(other):
            raise GraphQLError(f"`{one}` and `{other}` exclude each other.")


def _validate_slice_args(info: Any, args: ConnectionArguments, max_limit: int | None = None) -> None:
    first, last = args.get("first"), args.get("last")
    if not (first or last) and _edges_in_selections(info.field_asts[0].selection_set, info):
        raise GraphQLError(f"The connection `{info.field_name}` needs `first` or `last`.")
    limit = settings.GRAPHQL_PAGINATION_LIMIT if max_limit is None else max_limit
    for name, value in (("first", first), ("last", last)):
        assert not (limit and value and value > limit), (
            f"`{name}: {value}` on `{info.field_name}` is over the limit of {limit} records."
        )


def _edges_in_selections(selection_set: SelectionSet, info: Any) -> bool:
    for selection in selection_set.selections:
        if isinstance(selection, InlineFragment):
            if _edges_in_selections(selection.selection_set, info):
                return True
        elif isinstance(selection, FragmentSpread):
            if _edges_in_selections(info.fragments[selection.name.value].selection_set, info):
                return True
        elif selection.name.value == "edges":
            return True
    return False


class NonNullConnection(BaseConnection):
    """A connection whose edges and nodes are never null."""

    class Meta:
        abstract = True

    @classmethod
    def __init_subclass_with_meta__(cls, node: Any = None, name: str | None = None, **options: Any) -> None:
        super().__init_subclass_with_meta__(node=node, name=name, **options)
        fields = {
            "node": graphene.Field(cls._meta.node, required=True, description="The item."),
            "cursor": graphene.String(required=True, description="Where the item stands."),
        }
        edge = type(cls.Edge._meta.name, (graphene.ObjectType,), fields)
        edge.doc_category = options.get("doc_category")
        cls.Edge = edge
        cls._meta.fields["edges"] = graphene.Field(graphene.NonNull(NonNullList(edge)))


class CountableConnection(NonNullConnection):
    class Meta:
        abstract = True

    total_count = graphene.Int(description="How many there are on all pages.")

    @staticmethod
    def resolve_total_count(root: Any, _info: Any) -> int | None:
        count = root.get("total_count") if isinstance(root, dict) else getattr(root, "total_count", None)
        return count() if callable(count) else count
