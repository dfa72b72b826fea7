"""Looks at everything that the console depends on, and says what to do where something is amiss."""
