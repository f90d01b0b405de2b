"""`make bench-routes`: the routes that real applications have, data_bridge and FastAPI on uvicorn, interleaved."""

import argparse
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

import httpx

from measure import Row, Server, run_wrk

TOKEN = {"Authorization": "Bearer abc"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
UPLOAD = (
    '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n" + "x" * 1024 * 1024 + "\r\n--b--\r\n"
)

#: By application of variety.py.
ROWS: dict[str, list[Row]] = {
    "app": [
        Row("async hello", "/"),
        Row("dependency, 2 query", "/page?skip=3&limit=20"),
        Row("OAuth2, nested, yield", "/me", headers=TOKEN),
        Row("sync handler", "/sync"),
        Row("100 dicts", "/dicts"),
        Row("100 models", "/models"),
        Row("cookie, header, injected", "/injected", headers={"Cookie": "visit=1", "Agent": "a"}),
        Row("form of 5 fields", "/form", "POST", "a=x&b=2&c=y&d=1.5&e=z", headers=FORM),
        Row("upload of 1 MiB", "/upload", "POST", UPLOAD, headers=MULTIPART),
        Row("400 events", "/events"),
    ],
    "known": [Row("CORS, GZip, TrustedHost", "/")],
    "pure": [Row("pure ASGI middleware", "/")],
    "http": [Row('@middleware("http")', "/")],
    "raw": [Row("plain ASGI", "/")],
}

SERVERS = {
    "data_bridge": ["-m", "data_bridge", "run"],
    "uvicorn": ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools"],
}


def check(servers: list[Server], row: Row) -> None:
    """Both must give the same answer, else their speed is not comparable."""
    answers = []
    for server in servers:
        headers = {"Content-Type": "application/json", **row.headers}
        response = httpx.request(row.method, server.url + row.path, content=row.body, headers=headers)
        answers.append((response.status_code, response.content))
    if answers[0] != answers[1] or answers[0][0] != row.status:
        raise RuntimeError(f"{row.name}: different answers: {answers}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of one run of wrk")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rows", nargs="*", help="rows whose name contains one of these words")
    options = parser.parse_args()
    print(f"{'CPU us for one request':26}{'data_bridge':>12}{'uvicorn':>12}")
    for application, rows in ROWS.items():
        wanted = [row for row in rows if not options.rows or any(word in row.name for word in options.rows)]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="data_bridge-bench-") as temporary, contextlib.ExitStack() as stack:
            directory = Path(temporary)
            servers = [
                stack.enter_context(Server(name, [*command, f"variety:{application}", "--no-access-log"], 0, directory))
                for name, command in SERVERS.items()
            ]
            for server in servers:
                server.wait()
            for row in wanted:
                check(servers, row)
                measured: dict[str, list[float]] = {server.name: [] for server in servers}
                for server in servers:
                    run_wrk(server, row, 1, 1, options.connections, directory)  # warm up
                for _ in range(options.rounds):
                    for server in servers:
                        result = run_wrk(server, row, 1, options.seconds, options.connections, directory)
                        measured[server.name].append(result.cpu_microseconds)
                ours, theirs = (statistics.median(measured[server.name]) for server in servers)
                print(f"{row.name:26}{ours:>12.1f}{theirs:>12.1f}{theirs / ours:>9.1f} : 1")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
