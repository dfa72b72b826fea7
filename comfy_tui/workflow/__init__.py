"""What a workflow is: formats, conversion, checks. Pure: no network, no terminal."""
