"""Where workflows come from and go to: folders, recent files, the server; exports and uploads."""
