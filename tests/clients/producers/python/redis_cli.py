"""redis-cli as scripts use it: one command, commands from a file, `-x`, `--pipe`.

Arguments are passed on, such as `-3`. Its replies are read as it writes them for people, for only
that form tells an integer from text and text from an error.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import checks


def login_arguments(user, password):
    user = ["--user", user] if user else []
    return [*user, "-a", password, "--no-auth-warning"] if password else []


def parse(line):
    """One reply, as it stands in one line."""
    line = re.sub(r"^\d+\) ", "", line)
    if line.startswith("(error) "):
        raise RuntimeError(line)
    if line.startswith("(integer) "):
        return int(line.removeprefix("(integer) "))
    return line.strip('"')


class RedisCli:
    @classmethod
    def open(cls, **options):
        self = cls()
        self.options = options
        return self

    def run(self, *command, stdin="", typed=True):
        """All that it prints; that a login is refused it only warns of, and goes on."""
        login = login_arguments(self.options["user"], self.options["password"])
        address = ["-h", checks.HOST, "-p", str(checks.PORT), "-n", str(self.options["database"])]
        arguments = [*address, *login, *sys.argv[1:], *(["--no-raw"] if typed else [])]
        process = subprocess.run(
            ["redis-cli", *arguments, *command], input=stdin, capture_output=True, text=True
        )
        if process.returncode != 0 or process.stderr:
            raise RuntimeError(process.stdout + process.stderr)
        return process.stdout

    def one(self, *command, **options):
        return parse(self.run(*command, **options).strip())

    def lines(self, *commands):
        """Commands in a file, on one connection; quoted, for JSON has double quotes."""
        quoted = (" ".join(f"'{word}'" for word in command) for command in commands)
        return [parse(line) for line in self.run(stdin="\n".join(quoted)).splitlines() if line]

    def ping(self):
        return self.one("PING")

    def name(self):
        return self.lines(["CLIENT", "SETNAME", self.options["name"]], ["CLIENT", "GETNAME"])[-1]

    def lpush(self, key, event):
        # What is long comes from a file, as no shell passes it as an argument.
        return self.one("-x", "LPUSH", key, stdin=event)

    def rpush(self, key, *events):
        return self.one("RPUSH", key, *events)

    def xadd(self, key, event, maxlen=None):
        trimmed = ["MAXLEN", "~", str(maxlen)] if maxlen else []
        return self.one("XADD", key, *trimmed, "*", "event", event)

    def pipeline(self, key, events):
        return self.lines(*(["LPUSH", key, event] for event in events))

    def transaction(self, list_key, list_event, stream_key, stream_event):
        push, add = ["LPUSH", list_key, list_event], ["XADD", stream_key, "*", "event", stream_event]
        said = self.lines(["MULTI"], push, add, ["EXEC"])
        if said[:3] != ["OK", "QUEUED", "QUEUED"]:
            raise RuntimeError(f"in a transaction: {said}")
        return said[3:]

    def at_once(self, key, events):
        """A process for each, for none keeps more than one connection."""
        with ThreadPoolExecutor(len(events)) as threads:
            return list(threads.map(lambda event: self.one("LPUSH", key, event), events))

    def close(self):
        pass


def bulk(checked):
    """`--pipe`: it ends when the server has echoed what it sent behind the commands."""
    events = checked.events.several(1_000)
    command = "*3\r\n$5\r\nLPUSH\r\n${}\r\n{}\r\n${}\r\n{}\r\n".format
    commands = [command(len(checks.LIST), checks.LIST, len(event), event) for event in events]
    client = RedisCli.open(user=checks.USER, password=checks.PASSWORD, database=0)
    found = client.run("--pipe", stdin="".join(commands), typed=False)
    checked.that("--pipe", "errors: 0, replies: 1000\n" in found, found, "no error, 1000 replies")


checks.run(RedisCli, checks.program_version("redis-cli"), bulk)
