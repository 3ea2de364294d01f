"""Where the collector listens: loopback only, until there are keys, unless told otherwise."""

from __future__ import annotations

import ipaddress
import resource
import socket

from meetlat.errors import MeetlatError, SettingError

_OPEN_FILES = 65_536


def listen(host: str, port: int, *, expose: bool) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises SettingError when the address is not loopback and `expose` is false, MeetlatError when
    it cannot be had.
    """
    where = f"MEETLAT_COLLECTOR_LISTEN: {host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise SettingError(
            f"{where} is no address ({error.strerror})", remedy="use one of this machine's"
        ) from None
    if not expose and not ipaddress.ip_address(str(address[0])).is_loopback:
        raise SettingError(
            f"{where} is open to other machines, and there are no API keys yet",
            remedy="listen on 127.0.0.1, or set MEETLAT_COLLECTOR_EXPOSE=true behind a proxy that "
            "checks who sends",
        )
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise MeetlatError(
            f"cannot listen on {host}:{port} ({error.strerror})",
            remedy="end the program that listens there, or choose another with --listen",
        ) from None
    return bound


def url(bound: socket.socket) -> str:
    """The address of a bound socket, as a sender writes it."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(bound: socket.socket) -> bool:
    """True when only this machine can reach it."""
    return ipaddress.ip_address(bound.getsockname()[0]).is_loopback


def allow_open_files() -> None:
    """Raise the limit of open files as far as the system lets us: each client takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
