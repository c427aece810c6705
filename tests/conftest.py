pytest_plugins = [
    "tests.support.servers",
    "tests.support.database",
    "tests.support.postgrest",
    "tests.support.project",
]
