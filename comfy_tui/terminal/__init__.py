"""The terminal that the console runs in: asked once, before anything is drawn.  Knows no screen."""
