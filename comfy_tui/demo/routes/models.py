"""x."""

from .table import Route

ROUTES: list[Route] = []
