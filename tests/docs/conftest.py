from tests.clients.conftest import app

__all__ = ["app"]
