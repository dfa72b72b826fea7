"""Outputs that the journal knows: forgotten by the watched server, or on another one."""

from __future__ import annotations

from comfy_tui.config import ServerProfile
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.elsewhere import Elsewhere
from comfy_tui.profile import profile_from_url
from support import until
from test_outputs_screen import (
    BLUE,
    GREEN,
    RED,
    drawn_colours,
    listed,
    opened,
    output_folder,
    plain,
    run,
    sees,
)


class TestServers:
    async def test_a_file_that_is_gone_is_told_as_that(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "red"))
            (output_folder(server) / "red_00001_.png").unlink()
            async with opened(server) as ui:
                await ui.see("! The server does not have this file", "404: it is not where")

    async def test_every_server_that_was_watched(self) -> None:
        async with DemoServer() as first, DemoServer() as second:
            await run(first, plain(RED, "red"), plain(GREEN, "green"))
            async with opened(first) as ui:
                await ui.see("2 outputs of the last 2 jobs")
            await run(second, plain(BLUE, "blue"))
            async with opened(second, size=(120, 30)) as ui:
                await sees(ui, BLUE)
                assert listed(ui) == ["blue_00001_.png"]
                await ui.press("V")
                name = first.url.removeprefix("http://")
                await ui.see("1 output of the last 1 job + 2 from the journal, 2 servers", "green_00001_.png")
                assert listed(ui) == ["blue_00001_.png", "green_00001_.png", "red_00001_.png"]
                await ui.press("j")
                await sees(ui, GREEN)
                await ui.see(f"on {name}, which is not watched", "SaveImage")
                await ui.press("w")
                await ui.see("from the journal", f"{first.url}/view?filename=green_00001_.png")
                await ui.press("escape", "u")
                await ui.see("Not queued again", "watches it")
                # What was not seen of a server that is away is said to be away.
                await first.stop()
                ui.app.previews.doubt_again()
                await ui.press("/", *f"server:{first.port}", "enter")
                await until(lambda: listed(ui) == ["green_00001_.png", "red_00001_.png"])
                await ui.press("G", "r")
                await until(lambda: drawn_colours(ui) in (set(), {RED}))
                await ui.press("V")
                await ui.see("No output holds", "V shows the outputs of")

    async def test_what_the_server_forgot_is_listed_until_it_is_deleted(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "red"))
            async with opened(server) as ui:
                await sees(ui, RED)
                session = ui.app.session
                assert session is not None
                # As another client does it, or a restart.
                await session.client.delete_history([job.prompt_id for job in ui.app.jobs.ended])
                session.refresh()
                await ui.see("° red_00001_.png", "from the journal")
                await ui.press("u")
                await ui.see("As the journal has it")
                await until(lambda: len(server.state.queue.history()) == 1)
                await ui.press("/", *"is:journal", "enter")
                await until(lambda: listed(ui) == ["° red_00001_.png"])
                await ui.press("D", "y")
                await ui.see("No output holds")


def test_no_server_gets_the_credentials_of_another() -> None:
    watched = profile_from_url("http://me:secret@here:8188")
    elsewhere = Elsewhere(lambda: (watched, ServerProfile("other", "http://there:8188")))
    assert elsewhere.client("http://here:8188").profile.headers
    assert not elsewhere.client("http://there:8188").profile.headers
    unknown = elsewhere.client("http://away:8188")
    assert (unknown.profile.headers, unknown.readonly) == ((), True)
    assert elsewhere.name("http://there:8188", "x") == "other"
