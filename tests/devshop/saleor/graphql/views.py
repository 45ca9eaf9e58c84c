import json
from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.generic import View
from graphql import GraphQLBackend, GraphQLDocument, GraphQLSchema
from graphql.error import GraphQLError, GraphQLSyntaxError
from graphql.execution import ExecutionResult
from jwt.exceptions import PyJWTError

from ..core.exceptions import PermissionDenied
from .api import schema
from .context import clear_context, get_context_value
from .core.validators import validate_query
from .query_cost_map import COST_MAP
from .utils import format_error


class GraphQLView(View):
    """GraphQL over HTTP. It parses with its own `schema`, and reckons the cost with the one of the module."""

    schema: GraphQLSchema = None
    backend: GraphQLBackend = None
    HANDLED_EXCEPTIONS = (GraphQLError, PyJWTError, PermissionDenied)

    def __init__(
        self,
        schema: GraphQLSchema,
        backend: GraphQLBackend,
        executor: Any = None,
        middleware: Any = None,
        root_value: Any = None,
    ) -> None:
        super().__init__()
        self.schema = schema
        self.backend = backend
        self.executor = executor
        self.middleware = middleware
        self.root_value = root_value

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answers = {"GET": self.render_playground, "POST": self.handle_query}
        answer = answers.get(str(request.method))
        return answer(request) if answer else HttpResponseNotAllowed([*answers])

    def render_playground(self, request: HttpRequest) -> HttpResponse | FileResponse:
        from tests.devshop.explorer import render

        return HttpResponse(render())

    def handle_query(self, request: HttpRequest) -> JsonResponse:
        try:
            data = self.parse_body(request)
        except ValueError:
            return self._refuse("The body cannot be read as a query.")
        if not isinstance(data, list):
            result, status = self.get_response(request, data)
            return JsonResponse(result, status=status, safe=False)
        if len(data) > settings.GRAPHQL_BATCH_MAX_COUNT:
            return self._refuse("One request holds too many queries.")
        responses = [self.get_response(request, entry) for entry in data]
        status = max((code for _result, code in responses), default=200)
        return JsonResponse([result for result, _code in responses], status=status, safe=False)

    def _refuse(self, message: str) -> JsonResponse:
        return JsonResponse({"errors": [self.format_error(GraphQLError(message))]}, status=400)

    def get_response(self, request: HttpRequest, data: dict) -> tuple[dict[str, Any], int]:
        result = self.execute_graphql_request(request, data)
        response: dict[str, Any] = {}
        if result.errors:
            response["errors"] = [self.format_error(error) for error in result.errors]
        if not result.invalid:
            response["data"] = result.data
        if result.extensions:
            response["extensions"] = result.extensions
        return response, 400 if result.invalid else 200

    def execute_graphql_request(self, request: HttpRequest, data: dict) -> ExecutionResult:
        query, variables, operation_name = self.get_graphql_params(request, data)
        document, error = self.parse_query(query)
        if document is None:
            return error
        cost, cost_errors = validate_query(
            schema=schema,
            document_ast=document.document_ast,
            variables=variables,
            cost_map=COST_MAP,
        )
        if settings.GRAPHQL_QUERY_MAX_COMPLEXITY and cost_errors:
            return set_query_cost_on_result(ExecutionResult(errors=cost_errors, invalid=True), cost)
        context = get_context_value(request)
        try:
            result = document.execute(
                root_value=self.root_value,
                variable_values=variables,
                operation_name=operation_name,
                context_value=context,
                middleware=self.middleware,
            )
            return set_query_cost_on_result(result, cost)
        except Exception as exception:
            return ExecutionResult(errors=[exception], invalid=True)
        finally:
            clear_context(context)

    def parse_query(self, query: str | None) -> tuple[GraphQLDocument | None, ExecutionResult | None]:
        if not query or not isinstance(query, str):
            error = GraphQLError("The request holds no query.")
            return None, ExecutionResult(errors=[error], invalid=True)
        try:
            return self.backend.document_from_string(self.schema, query), None
        except (ValueError, GraphQLSyntaxError) as error:
            return None, ExecutionResult(errors=[error], invalid=True)

    @staticmethod
    def parse_body(request: HttpRequest) -> Any:
        if request.content_type == "application/graphql":
            return {"query": request.body.decode()}
        body = json.loads(request.body.decode())
        if not isinstance(body, dict | list):
            raise ValueError("A query is an object, or a list of objects.")
        return body

    @staticmethod
    def get_graphql_params(request: HttpRequest, data: dict) -> tuple[Any, Any, Any]:
        return data.get("query"), data.get("variables"), data.get("operationName")

    def format_error(self, error: Exception) -> dict[str, Any]:
        return format_error(error, self.HANDLED_EXCEPTIONS)


def set_query_cost_on_result(execution_result: ExecutionResult, query_cost: int) -> ExecutionResult:
    if settings.GRAPHQL_QUERY_MAX_COMPLEXITY:
        execution_result.extensions["cost"] = {
            "requestedQueryCost": query_cost,
            "maximumAvailable": settings.GRAPHQL_QUERY_MAX_COMPLEXITY,
        }
    return execution_result
