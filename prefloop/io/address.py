"""Addresses of servers: sockets that listen, and why one cannot."""

from __future__ import annotations

import errno
import socket

from prefloop.errors import AddressError

_WAITING = 512


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; connections wait in it until somebody takes them.

    Args:
        host: name or address of this machine.
        port: 0 is any free one.

    Raises:
        AddressError: a port in use, a host that is unknown or not this machine's, or no permission.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_WAITING)
        except BaseException:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        raise AddressError(f"--host {host} --port {port}: {_cause(error)}") from None
    return listener


def url_of(host: str, port: int) -> str:
    """How a browser calls a server."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _cause(error: OSError | UnicodeError) -> str:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "there is no such host; give a name or address of this machine, such as 127.0.0.1"
    if error.errno == errno.EADDRINUSE:
        return "another program listens there; end it, or give another --port"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return "no address of this machine; give one that is, such as 127.0.0.1"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "no permission to listen there; give a --port above 1023"
    return f"cannot listen there ({error.strerror or error})"
