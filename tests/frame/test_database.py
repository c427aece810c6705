from tests.support.database import Database


def test_a_user_acts_as_postgrest_would_have_it(db: Database) -> None:
    """A request runs as authenticated, with the user's own id and the role's time limit."""
    user = db.new_user()
    with db.user(user) as session:
        assert session.row("select current_user as role, session_user as login, auth.uid()") == {
            "role": "authenticated",
            "login": "authenticator",
            "uid": user,
        }
        assert session.value("show statement_timeout") == "8s"
