"""What a person reads of a request that broke: no text of the server's, no address."""

import os
import socket
import ssl

import httpcore

_UNKNOWN_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def why_cut(error: Exception, size: int, total: int | None) -> str:
    match error:
        case httpcore.ConnectTimeout():
            return "no connection came about in time"
        case httpcore.ConnectError():
            return _why_unreachable(error)
        case httpcore.TimeoutException():
            return f"no byte came in time{_after(size, total)}"
        case httpcore.ProtocolError() if not size:
            return "it hung up, or speaks no HTTP"
        case _:
            return f"the connection was cut{_after(size, total)}"


def _why_unreachable(error: BaseException) -> str:
    cause = _system_error(error)
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not valid: {cause.verify_message}"
        case ssl.SSLError():
            return f"TLS fails: {cause.reason or 'no reason is given'}"
        case socket.gaierror() if cause.errno in _UNKNOWN_NAME:
            return "its name leads nowhere"
        case socket.gaierror():
            return "its name can't be looked up now"
        case OSError(errno=int(number)):
            return f"it can't be reached: {os.strerror(number)}"
        case _:
            return "it can't be reached"


def _system_error(error: BaseException | None) -> OSError | None:
    """By the context too: httpcore's pool forgets the cause."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error
        error = error.__cause__ or error.__context__
    return None


def _after(size: int, total: int | None) -> str:
    if not size:
        return ""
    return f" after {size} bytes" if total is None else f" after {size} of {total} bytes"
