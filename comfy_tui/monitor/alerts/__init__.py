"""Alerts: what a person who does not look wants to know, once for each cause."""

from comfy_tui.monitor.alerts.alert import Alert

__all__ = ["Alert"]
