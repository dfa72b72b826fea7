"""The measure of start-up: an empty Textual app with a header, a label and a footer."""

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Label


class EmptyApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Header()
        yield Label("ready-to-see")
        yield Footer()


if __name__ == "__main__":
    EmptyApp().run()
