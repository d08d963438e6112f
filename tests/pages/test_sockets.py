"""Connections of the server send each message at once."""

import socket

from pages.ui.sockets import send_at_once


def sends_at_once(connection: socket.socket) -> bool:
    return bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_what_a_listening_socket_accepts_sends_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        send_at_once()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert sends_at_once(accepted)


def test_sockets_that_do_not_listen_are_left_alone():
    left, right = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as other, left, right:
        send_at_once()

        assert not sends_at_once(other)
        assert left.send(b"still open") == 10
