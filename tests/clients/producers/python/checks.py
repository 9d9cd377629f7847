"""What is checked of a client, the same list for each that Python drives.

A client is a class that connects when it is opened and has the calls that are used below; each may
be a coroutine or not, so that a library's two interfaces share one description. What a check
expects is what Redis answers. Every event is a counter of one series, with a value that no other
event of this run has: their sum tells whether each counted, and counted once.
"""

import asyncio
import inspect
import json
import os
import re
import subprocess
import sys

HOST = os.environ["DOOR_HOST"]
PORT = int(os.environ["DOOR_PORT"])
USER = os.environ.get("DOOR_USER")
PASSWORD = os.environ.get("DOOR_PASSWORD")
LIST = os.environ["DOOR_LIST"]
STREAM = os.environ["DOOR_STREAM"]
WRONG_PASSWORD = ["WRONGPASS", "AuthenticationError"]
NOT_ALLOWED = ["NOPERM", "NoPermissionError"]
FOREIGN = "another:queue"
CLIENT = os.environ["DOOR_CLIENT"]
# Redis takes every key; that the others are refused is checked of the door alone.
IS_DOOR = os.environ.get("DOOR") == "1"

NAME = "door-check"
# "default" takes any password where none is set, so a wrong one needs a user.
WRONG_LOGIN = {"user": USER or (None if PASSWORD else "nobody"), "password": "wrong"}
PIPELINED = 100
CONNECTIONS = 32
LARGE_BYTES = 100_000


def program_version(program):
    """Both of Redis' own say `name 7.0.15`, sometimes with more behind it."""
    output = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return output.split()[1]


async def result(value):
    return await value if inspect.isawaitable(value) else value


class Events:
    """What was made to be sent, and how much it must add up to."""

    def __init__(self):
        self.sent = {"list_events": 0, "stream_events": 0}
        self.sum = 0

    def one(self, kind="list_events"):
        return json.dumps(self._next(kind))

    def several(self, count):
        return [self.one() for _ in range(count)]

    def repeated(self, count, kind):
        """One event that is sent so often."""
        event = self._next(kind)
        self.sent[kind] += count - 1
        self.sum += event["value"] * (count - 1)
        return json.dumps(event)

    def large(self):
        """An array that no single read of a socket brings."""
        events = []
        while len(text := json.dumps(events)) < LARGE_BYTES:
            events += [self._next("list_events") for _ in range(100)]
        return text

    def _next(self, kind):
        self.sent[kind] += 1
        value = sum(self.sent.values())
        self.sum += value
        return {"name": "door_client_total", "value": value, "labels": {"client": CLIENT}}


class Checks:
    """Counts the checks; the first that fails ends the run."""

    def __init__(self):
        self.events = Events()
        self.count = 0
        self.last = "the start"

    def that(self, check, fine, found, expected):
        self.count += 1
        if not fine:
            fail(f"{check}: found {found!r}, expected {expected}")
        self.last = check

    def lengths(self, check, found, count):
        """Replies to pushes: as many, each an integer of at least 1."""
        fine = isinstance(found, list) and len(found) == count
        fine = fine and all(type(length) is int and length >= 1 for length in found)
        self.that(check, fine, found, f"{count} integers of at least 1")

    def ids(self, check, found):
        """Replies to XADD: ids as text, each above the one before."""
        fine = all(isinstance(id, str) and re.fullmatch(r"\d+-\d+", id) for id in found)
        numbers = [tuple(map(int, id.split("-"))) for id in found] if fine else []
        fine = fine and numbers == sorted(set(numbers))
        self.that(check, fine, found, "ids as digits-digits that rise")

    async def refused(self, check, words, call):
        """redis-py has a class for the first word of an error, and leaves the word out."""
        try:
            found, fine = await call(), False
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
            fine = any(word in found for word in words)
        self.that(check, fine, found, f"an error with {words[0]}")

    def report(self, version):
        report = {"client": CLIENT, "version": version, "checks": self.count}
        print(json.dumps({**report, **self.events.sent, "sum": self.events.sum}))


def fail(message):
    """At once, for what asyncio says of connections that it loses would bury the message."""
    print(message, file=sys.stderr, flush=True)
    os._exit(1)


def start(script):
    """Runs a coroutine of checks; an error that none of them expects is told with its place."""
    checks = Checks()

    async def guarded():
        try:
            await script(checks)
        except Exception as error:
            fail(f"behind {checks.last}: found {type(error).__name__}: {error}, expected no error")

    asyncio.run(guarded())


def run(client_class, version, more=None):
    """All checks of a client; `more` are those of it alone."""
    start(lambda checks: check_all(checks, client_class, version, more))


async def check_all(checks, client_class, version, more):
    events = checks.events

    async def open_client(**options):
        login = {"user": USER, "password": PASSWORD, "name": NAME, "database": 0}
        return await result(client_class.open(**{**login, **options}))

    client = await open_client()
    found = await result(client.ping())
    checks.that("PING", found in (True, "PONG"), found, "PONG")
    found = await result(client.name())
    checks.that("client name", found == NAME, found, NAME)
    found = await result(client.lpush(LIST, events.one()))
    checks.lengths("LPUSH", [found], 1)
    found = await result(client.rpush(LIST, *events.several(3)))
    checks.lengths("RPUSH of several", [found], 1)
    ids = [await result(client.xadd(STREAM, events.one("stream_events"))) for _ in range(3)]
    ids.append(await result(client.xadd(STREAM, events.one("stream_events"), maxlen=100_000)))
    checks.ids("XADD", ids)
    found = await result(client.pipeline(LIST, events.several(PIPELINED)))
    checks.lengths("pipeline", found, PIPELINED)
    pushed = (LIST, events.one(), STREAM, events.one("stream_events"))
    found = await result(client.transaction(*pushed))
    checks.that("transaction", type(found) is list and len(found) == 2, found, "two replies")
    checks.lengths("LPUSH in a transaction", found[:1], 1)
    checks.ids("XADD in a transaction", [ids[-1], found[1]])
    found = await result(client.lpush(LIST, events.large()))
    checks.lengths("100 kB", [found], 1)
    found = await result(client.at_once(LIST, events.several(CONNECTIONS)))
    checks.lengths("connections at once", found, CONNECTIONS)
    if more:
        await result(more(checks))

    elsewhere = await open_client(database=3)
    found = await result(elsewhere.lpush(LIST, events.one()))
    checks.lengths("LPUSH after SELECT 3", [found], 1)
    await result(elsewhere.close())

    async def wrong_login():
        return await result((await open_client(**WRONG_LOGIN)).ping())

    await checks.refused("wrong password", WRONG_PASSWORD, wrong_login)
    if IS_DOOR:
        refused = lambda: result(client.lpush(FOREIGN, "{}"))
        await checks.refused("foreign key", NOT_ALLOWED, refused)
    await result(client.close())
    checks.report(version)
