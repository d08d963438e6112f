"""A visitor of the console without a browser: speaks the protocol of Streamlit's page over its WebSocket, and measures each answer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 60.0  # seconds for one answer


class PageBroken(Exception):
    """A page said that it could not be drawn."""


@dataclass(slots=True)
class Visitor:
    """One open page; `full` and `fragments` are seconds from asking to the end of the script's run."""

    address: str  # host:port
    page: str  # as in the URL: "" for the first page
    query: str = ""
    full: list[float] = field(default_factory=list)
    fragments: list[float] = field(default_factory=list)
    received: int = 0  # bytes
    _socket: ClientConnection | None = None
    _moving: dict[str, float] = field(default_factory=dict)  # fragments that redraw themselves, and every how many seconds

    async def __aenter__(self) -> Self:
        self._socket = await connect(f"ws://{self.address}/_stcore/stream", subprotocols=["streamlit"], max_size=None)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def draw(self, fragment: str = "") -> float:
        """Ask for the page, or for one fragment of it, and return the seconds until it is drawn."""
        assert self._socket is not None, "the page is not open"
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = self.page, self.query
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = fragment, bool(fragment)
        began = time.perf_counter()
        await self._socket.send(asked.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            await self._drawn()
        took = time.perf_counter() - began
        (self.fragments if fragment else self.full).append(took)
        return took

    async def _drawn(self) -> None:
        assert self._socket is not None, "the page is not open"
        while True:
            content = await self._socket.recv()
            said = ForwardMsg.FromString(content)
            self.received += len(content)
            kind = said.WhichOneof("type")
            if kind == "auto_rerun":
                self._moving[said.auto_rerun.fragment_id] = said.auto_rerun.interval
            elif kind == "delta" and said.delta.new_element.WhichOneof("type") == "exception":
                raise PageBroken(said.delta.new_element.exception.message)
            elif kind == "script_finished" and said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    async def stay(self, enough: Callable[[], bool], *, every: float) -> None:
        """Look at the page as a browser does until it is enough: it redraws its moving parts, and the visitor the whole every so often."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        due = {"": begun + every} | {name: begun + interval for name, interval in self._moving.items()}
        while True:
            name = min(due, key=lambda known: due[known])
            await asyncio.sleep(max(due[name] - loop.time(), 0))
            if enough():
                return
            if name and name not in self._moving:
                del due[name]  # the page was drawn anew without it
                continue
            if not name:
                self._moving.clear()
            await self.draw(name)
            due[name] = loop.time() + (self._moving[name] if name else every)
            due |= {new: loop.time() + interval for new, interval in self._moving.items() if new not in due}
