"""Errors as Storage words them: HTTP 400, the real status in the body."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


class Refusal(Exception):  # noqa: N818 - it is the API's answer, not an error of ours
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message

    def wrapped(self) -> Response:
        body = {"statusCode": str(self.status), "error": self.error, "message": self.message}
        return JSONResponse(body, 500 if self.status == 500 else 400)

    def bare(self) -> Response:
        """As the resumable protocol answers."""
        return PlainTextResponse(self.message, self.status)


NO_BUCKET = Refusal(404, "Bucket not found", "Bucket not found")
NO_OBJECT = Refusal(404, "not_found", "Object not found")
TAKEN = Refusal(409, "Duplicate", "The resource already exists")
DENIED = Refusal(403, "Unauthorized", "new row violates row-level security policy")
TOO_LARGE = Refusal(413, "Payload too large", "The object exceeded the maximum allowed size")
BAD_SIGNATURE = Refusal(400, "InvalidSignature", "Invalid signature")


def bad_token(why: str) -> Refusal:
    return Refusal(400, "InvalidJWT", why)


def bad_type(content_type: str) -> Refusal:
    return Refusal(415, "invalid_mime_type", f"mime type {content_type} is not supported")


def bad_key(key: str) -> Refusal:
    return Refusal(400, "InvalidKey", f"Invalid key: {key}")


async def wrapped(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    resumable = "/upload/resumable" in request.url.path
    return refusal.bare() if resumable else refusal.wrapped()
