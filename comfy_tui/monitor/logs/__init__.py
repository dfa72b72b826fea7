"""The server's log: read, put together to lines, searched, and looked up around a moment."""

from comfy_tui.monitor.logs.book import Level, LogBook, LogLine

__all__ = ["Level", "LogBook", "LogLine"]
