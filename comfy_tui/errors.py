"""Every error that comfy-tui shows a person: a title, a message, and what to do next.

The texts may hold words of a server or a file: they are data, never markup, and are passed
through :func:`comfy_tui.text.clean` where they reach a screen or a terminal.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class ComfyError(Exception):
    """Something that a person can understand and act on.

    Args:
        title: a few words: what failed.
        message: what is known of it.
        hint: what to do next; empty when nothing helps.
    """

    code = "error"
    exit_code = EXIT_FAILURE

    def __init__(self, title: str, message: str = "", hint: str = "") -> None:
        super().__init__(title, message, hint)
        self.title = title
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.title}: {self.message}" if self.message else self.title


class ConfigError(ComfyError):
    """The config file, an option or the environment says something that cannot be used."""

    code = "config"
    exit_code = EXIT_USAGE


class WorkflowError(ComfyError):
    """A workflow file cannot be read or is not a workflow."""

    code = "workflow"


class ExportError(ComfyError):
    """A file could not be written where the person asked for it."""

    code = "export"


class ReadOnlyError(ComfyError):
    """The console was started with ``--readonly`` and was asked to change the server."""

    code = "readonly"


class ApiError(ComfyError):
    """A call to a server did not give what was asked for."""

    code = "api"


class Unreachable(ApiError):
    """Nothing answers at the address, or the connection broke."""

    code = "unreachable"
    exit_code = EXIT_UNREACHABLE


class TimedOut(ApiError):
    """The server took the connection and did not answer in time."""

    code = "timeout"
    exit_code = EXIT_UNREACHABLE


class Refused(ApiError):
    """The server understood and said no (a 4xx answer).

    ``said`` is what it said, where that was text.
    """

    code = "refused"

    def __init__(
        self, title: str, message: str = "", hint: str = "", *, status: int = 0, said: str = ""
    ) -> None:
        super().__init__(title, message, hint)
        self.status = status
        self.said = said


class BadReply(ApiError):
    """What came back is not what a ComfyUI server says."""

    code = "bad_reply"


class ServerError(ApiError):
    """The server failed while answering (a 5xx answer)."""

    code = "server_error"

    def __init__(self, title: str, message: str = "", hint: str = "", *, status: int = 500) -> None:
        super().__init__(title, message, hint)
        self.status = status
