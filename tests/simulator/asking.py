"""What the tests of the simulator itself ask of the simulated providers."""

from typing import Any

import httpx

TEXT_TO_3D = "/openapi/v2/text-to-3d"
PREVIEW = {
    "mode": "preview",
    "prompt": "cyberpunk katana",
    "should_remesh": True,
    "target_polycount": 500,
    "target_formats": ["glb"],
}
TEXT_TO_MODEL = "/v3/generation/text-to-model"
GENERATION = {"prompt": "cyberpunk katana", "model": "v3.0-20250812", "face_limit": 500}


def create(meshy: httpx.Client, **changes: Any) -> str:
    answer = meshy.post(TEXT_TO_3D, json=PREVIEW | changes)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["result"])


def look(meshy: httpx.Client, task_id: str) -> dict[str, Any]:
    found: dict[str, Any] = meshy.get(f"{TEXT_TO_3D}/{task_id}").json()
    return found


def generate(tripo: httpx.Client, **changes: Any) -> str:
    answer = tripo.post(TEXT_TO_MODEL, json=GENERATION | changes)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["task_id"])
