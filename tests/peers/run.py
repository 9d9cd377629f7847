#!/usr/bin/env python3
"""Checks against real peers: gets and builds them, and runs the tests that need them.

    make peers                      all of them
    make peers ONLY=versitygw       tests whose name contains the text

The peers are built with Go from the modules named below and kept in target/peers; the Java clients
come through Maven. A test one of whose peers cannot be had is skipped, said, and counted; one whose
peer disagrees fails. Without Go 1.26 there is nothing to do, and that is said.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "peers"
PLACE = ROOT / "target" / "peers"
GO_NEEDED = (1, 26)

# Peers from modules of others: package, version, and build tags.
MODULES = {
    "versitygw": ("github.com/versity/versitygw/cmd/versitygw", "v1.8.0", []),
    # Without the discovery of services in clouds, which is most of it.
    "prometheus": (
        "github.com/prometheus/prometheus/cmd/prometheus", "v0.316.0", ["-tags", "remove_all_sd"]
    ),
}
# Programs of our own around libraries, in go/.
PROGRAMS = ["client_golang", "go_redis"]

# Module of tests, below `peers::`, to the peers it needs.
TESTS = {
    "client_libraries::go": ["client_golang", "prometheus", "prometheus-pushgateway"],
    "client_libraries::java": ["java", "prometheus", "prometheus-pushgateway"],
    "first_value::": ["prometheus"],
    "go_redis::": ["go_redis"],
    "scrape_formats::": ["prometheus"],
    "versitygw::": ["versitygw"],
}


def go_version():
    """Of the Go that is here; None without one."""
    if not shutil.which("go"):
        return None
    # What is here, not what a module's file would have it download.
    os.environ["GOTOOLCHAIN"] = "local"
    text = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True).stdout
    found = re.match(r"go(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else None


def run(command, **options):
    """Whether it succeeds; what it says is shown only if it does not."""
    command = ["nice", *map(str, command)]
    output = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if output.returncode != 0:
        print(f"{' '.join(command)}:\n{output.stdout}", flush=True)
    return output.returncode == 0


def get_module(name):
    package, version, tags = MODULES[name]
    # A file of this name tells that exactly this is built already.
    built = PLACE / f"{name}-{version}.built"
    if built.exists() and (PLACE / name).exists():
        return True
    if not run(["go", "install", *tags, f"{package}@{version}"], env={**os.environ, "GOBIN": str(PLACE)}):
        return False
    built.touch()
    return True


def get_program(name):
    """Whether it could be had; that a program of ours does not compile is no excuse."""
    if not run(["go", "mod", "download"], cwd=HERE / "go"):
        return False
    if not run(["go", "build", "-o", PLACE / name, f"./{name}"], cwd=HERE / "go"):
        sys.exit(f"tests/peers/go/{name} does not compile")
    return True


def get_java():
    if not (shutil.which("java") and shutil.which("mvn")):
        return False
    wanted, built = (HERE / "java" / "pom.xml").read_text(), PLACE / "java" / "pom.xml"
    if built.exists() and built.read_text() == wanted:
        return True
    shutil.rmtree(PLACE / "java", ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={PLACE / 'java'}"]
    if not run(["mvn", "--quiet", "--batch-mode", "-f", HERE / "java", *goal]):
        return False
    built.write_text(wanted)
    return True


def get(peer):
    if peer in MODULES:
        return get_module(peer)
    if peer in PROGRAMS:
        return get_program(peer)
    return get_java() if peer == "java" else shutil.which(peer) is not None


def cargo_test(*arguments, **options):
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "test", "--features", "failpoints", "--locked", "--test", "it", "--"]
    environment = {**os.environ, "PEERS": str(PLACE)}
    return subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment, text=True, **options)


def listed():
    """The names of all tests that need a peer."""
    process = cargo_test("--ignored", "--list", "peers::", stdout=subprocess.PIPE)
    output = process.communicate()[0]
    if process.returncode != 0:
        sys.exit(process.returncode)
    names = re.findall(r"^(peers::\S+): test$", output, re.MULTILINE)
    return [name for name in names if os.environ.get("ONLY", "") in name]


def needed(test):
    found = [peers for prefix, peers in TESTS.items() if test.startswith(f"peers::{prefix}")]
    if len(found) != 1:
        sys.exit(f"{test}: which peers it needs must be said once in {__file__}")
    return found[0]


def run_tests(tests):
    """Those that passed."""
    process = cargo_test("--ignored", "--exact", *tests, stdout=subprocess.PIPE)
    passed = set()
    for line in process.stdout:
        print(line, end="", flush=True)
        if result := re.match(r"test (\S+) .*\.\.\. ok$", line):
            passed.add(result[1])
    process.wait()
    return passed


def main():
    version = go_version()
    if version is None or version < GO_NEEDED:
        found = "none" if version is None else ".".join(map(str, version))
        print(f"real peers are built with Go 1.26 or newer, found {found}: nothing is checked")
        return
    PLACE.mkdir(parents=True, exist_ok=True)
    tests = {test: needed(test) for test in listed()}
    peers = sorted({peer for needed in tests.values() for peer in needed})
    here = {}
    for peer in peers:
        print(f"getting {peer}", flush=True)
        here[peer] = get(peer)
    runnable = [test for test, needed in tests.items() if all(here[peer] for peer in needed)]
    passed = run_tests(runnable) if runnable else set()
    failed = [test for test in runnable if test not in passed]
    skipped = [test for test in tests if test not in runnable]
    for test in failed:
        print(f"FAILED: {test}")
    for test in skipped:
        missing = ", ".join(peer for peer in tests[test] if not here[peer])
        print(f"SKIPPED: {test}: {missing} cannot be had here")
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(1 if failed else 0)


main()
