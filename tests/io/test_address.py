"""Sockets that listen, and why one cannot; hosts that are refused: tests/tracking/test_ui.py."""

from __future__ import annotations

import socket

import pytest

from prefloop.errors import AddressError
from prefloop.io.address import listening, url_of


def test_a_socket_listens_at_once_and_its_port_is_taken():
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(AddressError, match="another program listens there"):
            listening("127.0.0.1", port)
    listening("127.0.0.1", port).close()


def test_addresses_are_written_as_browsers_call_them():
    assert url_of("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert url_of("::1", 8400) == "http://[::1]:8400"
