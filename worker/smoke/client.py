"""The file that apps copy, loaded as an app has it: what is proved here is what they run."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]


def client_file() -> Path:
    """A wheel carries it inside the package; a checkout has it beside."""
    packaged = PACKAGE / "_clients" / "meshqueue.py"
    return packaged if packaged.is_file() else PACKAGE.parent / "clients" / "meshqueue.py"


def load_client() -> Any:
    spec = spec_from_file_location("meshqueue", client_file())
    if spec is None or spec.loader is None:
        raise ImportError(str(client_file()))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
