"""Connections that send each message at once, as asyncio's do wherever it opens the socket itself."""

import os
import socket
import stat
from pathlib import Path

OPENED = Path("/dev/fd")  # every descriptor of this process, on Linux and macOS


def send_at_once() -> None:
    """Take Nagle's algorithm off the sockets that this process listens on; the connections that they accept inherit it.

    Streamlit opens its socket without naming TCP as its protocol, and asyncio then does not know it as such. With the algorithm on,
    the second message of an answer waits until the browser has acknowledged the first: up to 40 ms of doing nothing.
    """
    if not OPENED.is_dir():
        return
    for descriptor in map(int, os.listdir(OPENED)):  # noqa: PTH208, names are wanted, and the folder changes while it is listed
        if _is_socket(descriptor):
            with socket.socket(fileno=os.dup(descriptor)) as opened:
                if opened.family in (socket.AF_INET, socket.AF_INET6) and opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:  # the one that listed the folder is closed again
        return False
