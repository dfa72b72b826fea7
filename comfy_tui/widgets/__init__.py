"""Parts of a screen: data in, messages out."""
