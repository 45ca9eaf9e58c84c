from django.apps import AppConfig


class CoreAppConfig(AppConfig):
    name = "saleor.core"
