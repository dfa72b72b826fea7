"""Keeps watching servers: poller, session."""
