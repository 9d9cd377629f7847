#!/usr/bin/env python3
"""Pushes with real, unchanged Redis clients: to the gateway's own port, or to a Redis.

    door.py --port 6379 --door                    a gateway; refuses foreign keys
    door.py --port 6379 --user me --password x    with a login
    door.py --redis                               three Redis of its own: what is expected is true
    door.py --port 6379 --only node               clients whose name contains the text

A client whose script ends well prints one JSON object: its name and version, how many checks, and
what it sent, which the server must have taken: the sum is that of the counter `door_client_total`
with the label `client`. One that cannot be had is skipped, said, and counted. DOOR_LIST and
DOOR_STREAM name other keys.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Nothing is to be left beside the scripts.
sys.dont_write_bytecode = True

from producers import installed
from producers.clients import CLIENTS
from producers.redis_itself import LIST, STREAM, each_kind_of_redis

PATIENCE_S = 60
AT_ONCE = 3


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--door", action="store_true", help="it is the gateway, not a Redis")
    parser.add_argument("--redis", action="store_true", help="check against Redis itself")
    parser.add_argument("--only", default="", help="a part of a client's name")
    given = parser.parse_args()
    if (given.port is None) != given.redis:
        parser.error("either --port or --redis")
    return given


def environment(server, name):
    """What every script reads; what is not given is not set."""
    given = {
        "DOOR_LIST": LIST,
        "DOOR_STREAM": STREAM,
        "DOOR_HOST": server["host"],
        "DOOR_PORT": server["port"],
        "DOOR_USER": server.get("user"),
        "DOOR_PASSWORD": server.get("password"),
        "DOOR": "1" if server.get("door") else None,
        "DOOR_CLIENT": name,
    }
    inherited = {variable: value for variable, value in os.environ.items() if variable not in given}
    return {**inherited, **{variable: str(value) for variable, value in given.items() if value}}


def check(name, prepared, server):
    """The report of a client, or why it failed."""
    command, options = prepared
    variables = {**environment(server, name), **options.get("env", {})}
    try:
        process = subprocess.run(
            list(map(str, command)),
            cwd=options.get("cwd"),
            env=variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return None, f"not at its end after {PATIENCE_S} s"
    if process.returncode != 0:
        return None, (process.stdout + process.stderr).strip() or f"exit code {process.returncode}"
    return json.loads(process.stdout.splitlines()[-1]), None


def prepare(only):
    """What can be run, by name, and why the rest cannot; one after the other, as installers want."""
    prepared, skipped = {}, {}
    for name, client in CLIENTS.items():
        if only in name:
            try:
                prepared[name] = client()
            except installed.Missing as missing:
                skipped[name] = missing
    return prepared, skipped


def check_all(prepared, server):
    """Runs the clients side by side; the reports, and the failures by name."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        results = threads.map(lambda name: check(name, prepared[name], server), prepared)
        reports, failures = [], {}
        for name, (report, failure) in zip(prepared, results):
            if failure:
                failures[name] = failure
                print(f"FAILED: {name}: {failure}", flush=True)
            else:
                reports.append(report)
                print(json.dumps(report), flush=True)
    return reports, failures


def main():
    given = arguments()
    prepared, skipped = prepare(given.only)
    if not prepared and not skipped:
        sys.exit(f"no client's name contains {given.only!r}: {', '.join(CLIENTS)}")
    passed = failed = 0
    for server, verify in each_kind_of_redis() if given.redis else [(vars(given), None)]:
        reports, failures = check_all(prepared, server)
        if verify and not failures:
            verify(reports)
        passed += len(reports)
        failed += len(failures)
    for name, reason in skipped.items():
        print(f"SKIPPED: {name}: {reason}")
    print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    sys.exit(1 if failed else 0)


main()
