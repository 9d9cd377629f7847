"""Redis itself, to check the checks: without a login, with a password, with a user.

What it keeps in the end is compared with what the clients say that they sent.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time

LIST = os.environ.get("DOOR_LIST", "prom-stream-gateway:metric-queue")
STREAM = os.environ.get("DOOR_STREAM", "prom-stream-gateway:metric-stream")
DATABASES = ["0", "3"]
KINDS = {
    "without a login": ([], {}),
    "with a password": (["--requirepass", "secret"], {"password": "secret"}),
    # One that may use these two keys alone, so what is foreign is refused as the door refuses it.
    "with a user": (
        ["--user", "default", "off"]
        + ["--user", "pusher", "on", ">secret", f"~{LIST}", f"~{STREAM}", "+@all"],
        {"user": "pusher", "password": "secret", "door": True},
    ),
}


def each_kind_of_redis():
    """A server of each kind, with what compares it at the end; stopped when the next is asked for."""
    for kind, (options, login) in KINDS.items():
        print(f"Redis {kind}:", flush=True)
        server = {"host": "127.0.0.1", "port": free_port(), **login}
        with tempfile.TemporaryDirectory() as place:
            where = ["--port", str(server["port"]), "--save", "", "--dir", place]
            process = subprocess.Popen(["redis-server", *where, *options], stdout=subprocess.DEVNULL)
            try:
                wait_until_open(server["port"])
                yield server, lambda reports: compare(server, reports)
            finally:
                process.terminate()
                process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_open(port):
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def compare(server, reports):
    kept = [event for database in DATABASES for event in events(server, database)]
    for report in reports:
        own = [event for event in kept if event["labels"]["client"] == report["client"]]
        found = {"events": len(own), "sum": sum(event["value"] for event in own)}
        sent = {"events": report["list_events"] + report["stream_events"], "sum": report["sum"]}
        if found != sent:
            sys.exit(f"{report['client']}: Redis has {found}, sent were {sent}")


def events(server, database):
    """All that lie in the list and the stream; in a raw reply each element is a line."""
    user = ["--user", server["user"]] if "user" in server else []
    login = [*user, "-a", server["password"], "--no-auth-warning"] if "password" in server else []
    command = ["redis-cli", "-p", str(server["port"]), "-n", database, "--raw", *login]
    for read in ["LRANGE", LIST, "0", "-1"], ["XRANGE", STREAM, "-", "+"]:
        output = subprocess.run([*command, *read], capture_output=True, text=True, check=True).stdout
        for line in output.splitlines():
            if line.startswith(("{", "[")):
                payload = json.loads(line)
                yield from payload if isinstance(payload, list) else [payload]
