"""The subcommands, a module each; none imports the terminal library until it runs the console."""
