"""What a server has: node definitions and models."""
