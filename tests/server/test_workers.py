"""Several workers: signals to their supervisor, their deaths, their sockets, their options."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from process_client import UNBOUNDED, Start, hold, release
from server_process import ServerProcess, free_port

TWO = ("--workers", "2")


def children(pid: int) -> set[int]:
    """The processes that `pid` has started and that have not ended."""
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            state, parent = Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue  # it has ended meanwhile
        if int(parent) == pid and state != "Z":
            found.add(int(name))
    return found


def wait_until(what: Callable[[], bool], server: ServerProcess) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, server.log
        time.sleep(0.02)


def started(server: ServerProcess, times: int = 2) -> set[int]:
    """The workers, once so many have begun to serve."""
    server.wait_for_log("Routes:", times)
    return children(server.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_runs(start: Start, number: int) -> None:
    server = start("", *TWO, *UNBOUNDED)
    workers = started(server)
    asking = hold(server)
    server.process.send_signal(number)
    server.wait_for_log("finishing running requests", 2)
    release(server)
    assert server.wait_for_end() == 0
    assert asking.status() == 200
    assert server.log.count("lifespan ended") == 2
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_ctrl_c_in_a_terminal_is_counted_once(start: Start) -> None:
    """It goes to the whole group, and the supervisor tells its workers besides."""
    server = start("", *TWO, *UNBOUNDED)
    started(server)
    asking = hold(server)
    os.killpg(server.pid, signal.SIGINT)
    server.wait_for_log("finishing running requests", 2)
    release(server)
    assert server.wait_for_end() == 0
    assert asking.status() == 200
    assert "closing now" not in server.log


def test_ctrl_c_may_come_behind_what_the_supervisor_made_of_it(start: Start) -> None:
    server = start("", *TWO, *UNBOUNDED)
    workers = started(server)
    asking = hold(server)
    server.process.send_signal(signal.SIGINT)
    server.wait_for_log("finishing running requests", 2)
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):  # the one that had nothing to finish
            os.kill(worker, signal.SIGINT)
    time.sleep(0.5)
    release(server)
    assert server.wait_for_end() == 0
    assert asking.status() == 200
    assert "closing now" not in server.log


def test_ctrl_c_again_cuts_off(start: Start) -> None:
    server = start("end-hangs", *TWO, *UNBOUNDED)
    workers = started(server)
    hold(server)
    server.process.send_signal(signal.SIGINT)
    server.wait_for_log("finishing running requests", 2)
    server.process.send_signal(signal.SIGINT)
    server.wait_for_end(30)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_the_deadline_is_the_workers_too(start: Start) -> None:
    server = start("end-is-stubborn", *TWO, "--timeout-graceful-shutdown", "0.5")
    workers = started(server)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_for_end(30) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_worker_that_does_not_hear_is_killed_behind_the_deadline(start: Start) -> None:
    server = start("", *TWO, "--timeout-graceful-shutdown", "0.5")
    deaf = min(started(server))
    os.kill(deaf, signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_end(60)
    assert f"Worker {deaf} does not end" in server.log


def test_a_worker_that_does_not_answer_is_replaced(start: Start) -> None:
    server = start("", *TWO, "--timeout-worker-healthcheck", "2")
    before = started(server)
    deaf = min(before)
    os.kill(deaf, signal.SIGSTOP)
    server.wait_for_log(f"Worker {deaf} does not answer")
    wait_until(lambda: len(children(server.pid) - {deaf}) == 2 and deaf not in children(server.pid), server)
    assert before - {deaf} <= children(server.pid)
    assert server.stop() == 0


def test_a_worker_whose_interpreter_starts_slowly_is_waited_for(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\nif 'DATA_BRIDGE_WORKER' in os.environ:\n    time.sleep(4)\n", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = start("", *TWO, "--timeout-worker-healthcheck", "1")
    started(server)
    assert "does not answer" not in server.log
    assert server.stop() == 0


def test_sighup_replaces_each_worker_and_loses_nothing(start: Start) -> None:
    server = start("", *TWO, *UNBOUNDED)
    before = started(server)
    asking = hold(server)
    server.process.send_signal(signal.SIGHUP)
    answered = 0
    while not before.isdisjoint(children(server.pid)) and answered < 20_000:
        answered += httpx.get(server.url + "/pid").status_code == 200
        if server.log.count("Routes:") == 4:
            release(server)  # both replacements serve; the last of the old ones still answers
    assert asking.status() == 200
    wait_until(lambda: len(children(server.pid)) == 2, server)
    assert before.isdisjoint(children(server.pid))
    assert httpx.get(server.url + "/pid").json() in children(server.pid)
    assert server.stop() == 0


def test_sighup_keeps_workers_whose_replacement_does_not_start(start: Start, tmp_path: Path) -> None:
    server = start("import-fails-if", *TWO)
    before = started(server)
    (tmp_path / "broken").touch()
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("is kept")
    assert children(server.pid) == before
    (tmp_path / "broken").unlink()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: before.isdisjoint(children(server.pid)) and len(children(server.pid)) == 2, server)
    assert server.stop() == 0


def test_ttin_and_ttou_change_the_number(start: Start) -> None:
    server = start("", *TWO)
    started(server)
    server.process.send_signal(signal.SIGTTIN)
    assert len(started(server, 3)) == 3
    for left in (2, 1):
        server.process.send_signal(signal.SIGTTOU)
        wait_until(lambda left=left: len(children(server.pid)) == left, server)  # type: ignore[misc]
    server.process.send_signal(signal.SIGTTOU)
    server.wait_for_log("there is only one worker")
    assert httpx.get(server.url + "/pid").json() in children(server.pid)
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH])
def test_other_signals_change_nothing(start: Start, number: int) -> None:
    server = start("", *TWO)
    workers = started(server)
    server.process.send_signal(number)
    server.process.send_signal(signal.SIGTTOU)  # signals are taken in their order: behind this one it was looked at
    server.wait_for_log("Received SIGTTOU")
    assert children(server.pid) & workers
    assert httpx.get(server.url + "/pid").json() in workers
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGALRM])
def test_workers_end_when_their_supervisor_dies(start: Start, number: int) -> None:
    server = start("", *TWO, *UNBOUNDED)
    workers = started(server)
    asking = hold(server)
    server.process.send_signal(number)
    assert server.wait_for_end() == -number
    server.wait_for_log("finishing running requests", 2)
    release(server)
    assert asking.status() == 200
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), server)


def test_a_worker_that_dies_is_replaced(start: Start) -> None:
    server = start("", *TWO)
    before = started(server)
    for victim in before:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: before.isdisjoint(children(server.pid)) and len(children(server.pid)) == 2, server)
    assert httpx.get(server.url + "/pid").json() in children(server.pid)
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("wishes", "arguments", "reason"),
    [
        ("start-fails", (), "RuntimeError: no database today"),
        ("import-fails", (), "RuntimeError: no module today"),
        ("import-exits", (), "ended with status 7"),
        ("start-kills", (), "ended with status -9"),
        ("start-fails", ("--lifespan", "on"), "RuntimeError: no database today"),
    ],
)
def test_workers_that_cannot_start_are_given_up(
    start: Start, wishes: str, arguments: tuple[str, ...], reason: str
) -> None:
    server = start(wishes, *TWO, *arguments, answers=False)
    assert server.wait_for_end() == 3
    assert reason in server.log
    assert "Workers cannot start" in server.log
    assert server.log.count("ended with status") <= 6


def test_an_unknown_module_is_said_as_by_one_process(start: Start) -> None:
    server = start("", *TWO, application="nowhere_at_all:app", answers=False)
    assert server.wait_for_end() == 3
    assert "no module named 'nowhere_at_all'" in server.log
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    ("host", "message"),
    [("127.0.0.1", "in use"), ("192.0.2.1", "assign requested address"), ("no.such.host.invalid", "resolve")],
)
def test_an_address_is_refused_as_by_one_process(start: Start, host: str, message: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = ("--host", host, "--port", str(taken.getsockname()[1]))
        said = []
        for arguments in ((), TWO):
            server = start("", *address, *arguments, answers=False)
            assert server.wait_for_end() == 3
            said.append([line for line in server.log.splitlines() if message in line])
            assert "Traceback" not in server.log
    assert said[0]
    assert said[0][0].removeprefix("ERROR:    ") == said[1][0].removeprefix("data-bridge: ")


@pytest.mark.parametrize("arguments", [(), TWO], ids=["one process", "two workers"])
def test_a_unix_socket_takes_nothing_away(start: Start, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = tmp_path / "app.sock"
    umask = os.umask(0o022)
    try:
        first = start("", "--uds", str(path), *arguments, answers=False)
    finally:
        os.umask(umask)
    first.wait_for_log("Routes:")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666

    second = start("", "--uds", str(path), *arguments, answers=False)
    assert second.wait_for_end() == 3
    assert "in use" in second.log
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        assert client.get("http://t/pid").status_code == 200
    assert first.stop() == 0
    assert not path.exists()

    path.write_text("precious")
    third = start("", "--uds", str(path), *arguments, answers=False)
    assert third.wait_for_end() == 3
    assert path.read_text() == "precious"
    path.unlink()

    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    fourth = start("", "--uds", str(path), *arguments, answers=False)
    fourth.wait_for_log("Routes:")
    assert fourth.stop() == 0


@pytest.mark.parametrize("blocking", [True, False])
def test_workers_accept_from_an_inherited_socket(start: Start, blocking: bool) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(blocking)
        server = start("", "--fd", str(listener.fileno()), *TWO, answers=False, descriptors=(listener.fileno(),))
        workers = started(server)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert len(workers) == 2
        assert {httpx.get(url + "/pid").json() for _ in range(20)} <= workers
        assert server.stop() == 0


def test_every_address_of_a_name_is_listened_on(start: Start) -> None:
    addresses = {info[4][:1] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    port = free_port()
    server = start("", "--host", "localhost", "--port", str(port), *TWO, answers=False)
    started(server)
    for (host,) in addresses:
        with socket.create_connection((str(host), port), 10) as client:
            client.sendall(b"GET /pid HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
    assert server.stop() == 0


def answer_of(server: ServerProcess) -> httpx.Response:
    return httpx.get(server.url + "/stream", headers={"x-forwarded-for": "203.0.113.7"})


def test_workers_get_every_option(start: Start, tmp_path: Path) -> None:
    plain = start("", *TWO)
    answer = answer_of(plain)
    assert answer.json() == {"root_path": "", "client": "203.0.113.7", "variable": None, "worker": None}
    assert {"server", "date"} <= set(answer.headers)
    assert plain.stop() == 0
    assert "GET /stream" in plain.log
    assert "lifespan ended" in plain.log

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "moved_app.py").write_text("import process_app\ndef make(): return process_app.app\n")
    server = start(
        "",
        *TWO,
        *("--root-path", "/prefix", "--no-server-header", "--no-date-header", "--no-access-log"),
        *("--forwarded-allow-ips", "192.0.2.1", "--lifespan", "off", "--max-body-size", "10"),
        *("--app-dir", str(tmp_path / "other"), "--factory", "--log-level", "info", "--io-threads", "1"),
        application="moved_app:make",
    )
    answer = answer_of(server)
    assert answer.json() == {"root_path": "/prefix", "client": "127.0.0.1", "variable": None, "worker": None}
    assert {"server", "date"}.isdisjoint(answer.headers)
    assert httpx.post(server.url + "/stream", content=b"12345678901").status_code == 413
    assert server.stop() == 0
    assert "GET /stream" not in server.log
    assert "lifespan ended" not in server.log
