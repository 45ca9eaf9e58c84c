from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from saleor.graphql.api import backend, schema
from saleor.graphql.views import GraphQLView
from saleor.plugins.views import handle_global_plugin_webhook

urlpatterns = [
    path("graphql/", csrf_exempt(GraphQLView.as_view(backend=backend, schema=schema)), name="api"),
    re_path(r"^plugins/global/(?P<plugin_id>[\w.-]+)/", handle_global_plugin_webhook, name="plugins-global"),
]
