"""The other end of an echo: a few blocking connections, written to and read from in turn."""

from __future__ import annotations

import argparse
import os
import resource
import socket
import ssl


def connect(where: str, options: argparse.Namespace) -> socket.socket:
    if ":" in where:
        host, port = where.rsplit(":", 1)
        connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if options.udp else socket.SOCK_STREAM)
        connection.connect((host, int(port)))
        if not options.udp:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where)
    connection.settimeout(20)
    if options.tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(connection)
    return connection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", help="HOST:PORT or the path of a Unix socket")
    parser.add_argument("size", type=int, help="bytes of a message")
    parser.add_argument("count", type=int, help="messages in all")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--udp", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cpu", type=int, help="run on this CPU")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    connections = [connect(options.where, options) for _ in range(options.connections)]
    message = bytes(i % 251 for i in range(options.size))
    buffer = bytearray(options.size)
    view = memoryview(buffer)
    for _ in range(options.count // options.connections):
        for connection in connections:
            connection.sendall(message)
        for connection in connections:
            got = 0
            while got < options.size:
                count = connection.recv_into(view[got:])
                if count == 0:
                    raise ConnectionError("closed by the server")
                got += count
            if buffer != message:
                raise ValueError("the echo is not what was sent")
    for connection in connections:
        connection.close()


if __name__ == "__main__":
    main()
