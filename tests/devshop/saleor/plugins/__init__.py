import importlib

PLUGIN_IDENTIFIER_PREFIX = "plugin:"


def discover_plugins_modules(plugins: list[str]) -> list[str]:
    """The packages in which the plugin classes live; Celery looks for a module `tasks` in each."""
    packages = []
    for dotted_path in plugins:
        module_path, separator, _class_name = dotted_path.rpartition(".")
        if not separator:
            raise ImportError(f"{dotted_path} is not a dotted path to a plugin class")
        packages.append(importlib.import_module(module_path).__package__)
    return packages
