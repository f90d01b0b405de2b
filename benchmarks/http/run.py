"""`make bench`: data_bridge and FastAPI on uvicorn (uvloop, httptools), interleaved, medians over rounds.

Server and wrk are pinned to different cores. A ratio is one of CPU per request: it says how many times more requests
the same machine answers, whatever wrk itself can do.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
from pathlib import Path

import httpx

from common import ROUTES
from dataset import countries
from measure import Result, Row, Server, run_wrk

JOURNEY = {
    "title": "Round the Baltic",
    "starts_at": "2026-06-01T08:30:00Z",
    "stops": [{"subdivision": "SE-AB", "nights": 2}, {"subdivision": "FI-18", "nights": 3}, {"subdivision": "EE-37"}],
    "budget": 1250.5,
}
NOTE = {"title": "A note", "text": "What was seen on the way. " * 4, "stars": 4, "tags": ["baltic", "summer"]}

ROWS = [
    Row("async hello", "/"),
    Row("typed path, 3 query", "/tools/distance/59.91/10.75?to_latitude=60.39&to_longitude=5.32&unit=km"),
    Row("Pydantic body", "/tools/journey", "POST", json.dumps(JOURNEY)),
    Row(f"last of {ROUTES} routes", f"/api/v1/resource{ROUTES - 1}/42"),
    Row("CRUD list of 20", "/countries?limit=20"),
    Row("CRUD durable create", "/notes", "POST", json.dumps(NOTE), status=201),
]

SERVERS = {
    "data_bridge": ["-m", "data_bridge", "run", "native:app", "--no-access-log"],
    "uvicorn": ["-m", "uvicorn", "peer:app", "--loop", "uvloop", "--http", "httptools", "--no-access-log"],
}


def check(servers: list[Server]) -> None:
    """Both must give the same answers, else their speed is not comparable."""
    for row in ROWS:
        answers = []
        for server in servers:
            headers = {"content-type": "application/json"}
            response = httpx.request(row.method, server.url + row.path, content=row.body, headers=headers)
            if response.status_code != row.status:
                raise RuntimeError(f"{server.name}, {row.name}: {response.status_code} {response.text}")
            answer = response.json()
            if isinstance(answer, dict):
                answer.pop("next", None)  # opaque, each side has its own
            answers.append(answer)
        if any(answer != answers[0] for answer in answers):
            raise RuntimeError(f"{row.name}: different answers: {answers}")


def seed(servers: list[Server]) -> None:
    """The same countries for both."""
    for server in servers:
        with httpx.Client(base_url=server.url) as client:
            for country in countries():
                client.post("/countries", json=country.model_dump()).raise_for_status()


def median(results: list[Result]) -> Result:
    """Of each figure by itself."""
    return Result(
        statistics.median(result.requests_per_second for result in results),
        statistics.median(result.cpu_microseconds for result in results),
        statistics.median(result.p99_milliseconds for result in results),
    )


def print_table(measured: dict[str, dict[str, list[Result]]]) -> None:
    """What README shows."""
    names = list(SERVERS)
    print(f"\n{'':22}" + "".join(f"{name:>34}" for name in names))
    print(f"{'':22}" + f"{'req/s':>12}{'CPU us':>11}{'p99 ms':>11}" * len(names) + f"{'CPU ratio':>12}")
    for row in ROWS:
        results = [median(measured[row.name][name]) for name in names]
        line = f"{row.name:22}"
        for result in results:
            line += (
                f"{result.requests_per_second:>12,.0f}{result.cpu_microseconds:>11.1f}{result.p99_milliseconds:>11.2f}"
            )
        print(line + f"{results[1].cpu_microseconds / results[0].cpu_microseconds:>10.1f} : 1")


def measure(servers: list[Server], options: argparse.Namespace, directory: Path) -> dict[str, dict[str, list[Result]]]:
    """All rounds of all rows; the servers take turns, so that what the machine does otherwise meets both alike."""
    measured: dict[str, dict[str, list[Result]]] = {row.name: {name: [] for name in SERVERS} for row in ROWS}
    runs = len(ROWS) * options.rounds * len(servers)
    done = 0
    for row in ROWS:
        for server in servers:
            run_wrk(server, row, options.wrk_core, 1, options.connections, directory)  # warm up
        for _ in range(options.rounds):
            for server in servers:
                done += 1
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r\033[K[{done}/{runs}] {row.name}: {server.name}")
                    sys.stderr.flush()
                result = run_wrk(server, row, options.wrk_core, options.seconds, options.connections, directory)
                measured[row.name][server.name].append(result)
        if not sys.stderr.isatty():
            sys.stderr.write(f"[{done}/{runs}] {row.name}: done\n")
    sys.stderr.write("\r\033[K" if sys.stderr.isatty() else "")
    return measured


def print_markdown(measured: dict[str, dict[str, list[Result]]]) -> None:
    """The same for a document."""
    names = list(SERVERS)
    print("\n| | " + " | ".join(f"{name}: req/s | CPU us | p99 ms" for name in names) + " | ratio |")
    print("|---|" + "---:|" * (3 * len(names) + 1))
    for row in ROWS:
        results = [median(measured[row.name][name]) for name in names]
        cells = [
            f"{result.requests_per_second:,.0f} | {result.cpu_microseconds:,.1f} | {result.p99_milliseconds:,.1f}"
            for result in results
        ]
        ratio = results[1].cpu_microseconds / results[0].cpu_microseconds
        print(f"| {row.name} | " + " | ".join(cells) + f" | {ratio:.1f} : 1 |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of one run of wrk")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--wrk-core", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(SERVERS), help="one side alone")
    parser.add_argument("--rows", nargs="*", help="rows whose name contains one of these words")
    parser.add_argument("--markdown", action="store_true", help="print a table for a document, too")
    parser.add_argument("--json", type=Path, help="also write every single result to this file")
    options = parser.parse_args()
    for name in [name for name in SERVERS if options.only and name not in options.only]:
        del SERVERS[name]
    if options.rows:
        ROWS[:] = [row for row in ROWS if any(word in row.name for word in options.rows)]

    with tempfile.TemporaryDirectory(prefix="data_bridge-bench-") as temporary, contextlib.ExitStack() as stack:
        directory = Path(temporary)
        servers = [
            stack.enter_context(Server(name, command, options.server_core, directory))
            for name, command in SERVERS.items()
        ]
        for server in servers:
            server.wait()
        seed(servers)
        check(servers)
        measured = measure(servers, options, directory)
    if len(SERVERS) == 2:
        print_table(measured)
        if options.markdown:
            print_markdown(measured)
    else:
        for name, by_server in measured.items():
            print(name, *(median(results) for results in by_server.values()))
    if options.json is not None:
        plain = {
            row: {name: [vars(result) for result in results] for name, results in by_server.items()}
            for row, by_server in measured.items()
        }
        options.json.write_text(json.dumps(plain, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
