#!/usr/bin/env python3
"""Breaks the durability code on purpose, one line at a time, and sees that the tests notice.

    make mutants                    all of mutants.toml
    make mutants ONLY=watermark     those whose name contains the text

Each mutant is applied to a copy of the tree under target/mutants. It must compile, and one of the
tests it names must fail; then it is undone. A mutant that no test notices, or whose line is gone
from the code, fails the run. Prints a Markdown table, as it stands in ARCHITECTURE.md.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "mutants"
TREE = WORK / "tree"
TEST_TIMEOUT_SECONDS = 240


def copy_tree():
    """The files as they are now, committed or not; unchanged ones keep their time for cargo."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    present = {name for name in listed if (ROOT / name).is_file()}
    for old in TREE.rglob("*"):
        if old.is_file() and str(old.relative_to(TREE)) not in present:
            old.unlink()
    for name in sorted(present):
        source, target = ROOT / name, TREE / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def cargo_test(arguments, *, timeout_seconds=None):
    command = ["cargo", "test", "--locked", "--features", "failpoints", *arguments]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(WORK / "target")}
    log = open(WORK / "last.log", "w")
    process = subprocess.Popen(
        command, cwd=TREE, env=environment, stdout=log, stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return None


def fail(message):
    print(f"{message}; see {WORK / 'last.log'}", file=sys.stderr)
    sys.exit(1)


def try_mutant(mutant):
    """The test that noticed it, or None."""
    path = TREE / mutant["file"]
    original = path.read_text()
    found = original.count(mutant["find"])
    if found != 1:
        fail(f"{mutant['name']}: its line is {found} times in {mutant['file']}, expected once")
    path.write_text(original.replace(mutant["find"], mutant["replace"]))
    try:
        for test in mutant["tests"]:
            arguments = test.split()
            if cargo_test([*arguments[:2], "--no-run"]) != 0:
                fail(f"{mutant['name']} does not compile")
            # Hanging is noticing: a test that waits for ever is a failed one.
            if cargo_test(arguments, timeout_seconds=TEST_TIMEOUT_SECONDS) != 0:
                return test.removeprefix("--test ")
        return None
    finally:
        path.write_text(original)


def main():
    only = os.environ.get("ONLY", "")
    mutants = tomllib.loads((ROOT / "tests/mutants/mutants.toml").read_text())["mutant"]
    mutants = [mutant for mutant in mutants if only in mutant["name"]]
    if not mutants:
        sys.exit(f"no mutant's name contains {only!r}")
    TREE.mkdir(parents=True, exist_ok=True)
    copy_tree()
    survivors = []
    print("| mutant | what it breaks | caught by |\n|---|---|---|")
    for mutant in mutants:
        began = time.monotonic()
        caught = try_mutant(mutant)
        print(f"| {mutant['name']} | {mutant['breaks']} | {f'`{caught}`' if caught else '**nothing**'} |", flush=True)
        print(f"{mutant['name']}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        if caught is None:
            survivors.append(mutant["name"])
    if survivors:
        sys.exit(f"{len(survivors)} of {len(mutants)} survived: {', '.join(survivors)}")
    print(f"\nall {len(mutants)} caught", file=sys.stderr)


main()
