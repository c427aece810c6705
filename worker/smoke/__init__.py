"""One model through a project's own API, as one of its users: what `meshqueue smoke` shows."""
