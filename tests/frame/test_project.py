import httpx
import pytest
from postgrest.exceptions import APIError

from tests.support.project import Project, user_token


def test_a_signed_in_client_is_who_it_says(project: Project) -> None:
    """The real client, signed in, reads its own account and nobody else's."""
    mine, theirs = project.db.new_user(), project.db.new_user()
    rows = project.user(mine).table("credit_accounts").select("user_id").execute().data
    assert str(theirs) not in str(rows)


def test_the_service_key_is_the_service_role(project: Project) -> None:
    """The real client with the service key may read settings, which nobody else may."""
    project.service().table("app_settings").select("key").limit(1).execute()
    with pytest.raises(APIError):
        project.anon().table("app_settings").select("key").limit(1).execute()


def test_the_address_answers_plain_http_too(project: Project) -> None:
    """Any HTTP client can use the project's address, as any app would."""
    user = project.db.new_user()
    headers = {"apikey": project.anon_key, "authorization": f"Bearer {user_token(user)}"}
    answer = httpx.get(f"{project.url}/rest/v1/ai_jobs", headers=headers)
    assert (answer.status_code, answer.json()) == (200, [])
