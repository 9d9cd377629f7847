"""Gets what the clients need: libraries below target/clients, the rest from the distribution.

Each is installed once for a version, beside its place and then renamed, so that a run that is
broken off leaves nothing half. What cannot be had raises `Missing`, with the reason.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Nothing is to be left beside the scripts.
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))

from pip_command import pip_command

HERE = ROOT / "tests" / "clients" / "producers"
PLACE = ROOT / "target" / "clients"


class Missing(Exception):
    pass


def run(command, **options):
    try:
        output = subprocess.run(
            list(map(str, command)),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )
    except FileNotFoundError:
        raise Missing(f"there is no {command[0]}") from None
    if output.returncode != 0:
        raise Missing(f"{command[0]}: {output.stdout.strip()[-500:]}")


def from_distribution(target):
    """The Makefile knows how the package is called, and asks first whether it is there."""
    run(["make", "--no-print-directory", "-C", ROOT, target])


def kept(name, install):
    """The folder that `install` fills, made when it is first needed."""
    place = PLACE / name
    if not place.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PLACE) as unfinished:
            fresh = pathlib.Path(unfinished) / "fresh"
            fresh.mkdir()
            install(fresh)
            try:
                fresh.rename(place)
            except OSError:
                # Another run was faster.
                if not place.exists():
                    raise
    return place


def python_package(requirement):
    def install(place):
        options = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"]
        run([*pip_command(PLACE), "install", *options, "--target", place, requirement])

    return kept(requirement, install)


def node_packages():
    """All versions of all libraries side by side, as the lock file names them."""
    lock = HERE / "node" / "package-lock.json"

    def install(place):
        for file in lock.with_name("package.json"), lock:
            shutil.copy(file, place)
        run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--silent"], cwd=place)

    from_distribution("need-npm")
    return kept(f"node-{digest(lock)}", install)


def c_program(source):
    """That it does not compile is no excuse."""

    def install(place):
        compiler = os.environ.get("CC", "cc")
        try:
            run([compiler, "-Wall", "-Wextra", "-Werror", source, "-lhiredis", "-o", place / "client"])
        except Missing as error:
            sys.exit(f"{source} does not compile: {error}")

    return kept(f"{source.stem}-{digest(source)}", install) / "client"


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
