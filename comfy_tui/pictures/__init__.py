"""Pictures in a terminal: decoded from bytes, drawn with characters.  Knows no screen."""
