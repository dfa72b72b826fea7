"""Full-window modes and dialogs."""
