"""The clients: for each, what gets it and how its script is started.

A preparation returns the command and, where it needs them, a working directory or variables.
"""

import sys

from . import installed
from .installed import HERE


def python(requirement, *arguments):
    def prepare():
        library = installed.python_package(requirement)
        command = [sys.executable, "-B", HERE / "python" / "redis_py.py", *arguments]
        return command, {"env": {"PYTHONPATH": str(library)}}

    return prepare


def node(script, library):
    def prepare():
        place = installed.node_packages()
        return ["node", HERE / "node" / script, library], {"cwd": place}

    return prepare


def distribution(target, *command):
    """A client that the package of a Makefile's target brings, with an interpreter of its own."""

    def prepare():
        installed.from_distribution(target)
        return command, {}

    return prepare


def hiredis():
    installed.from_distribution("need-hiredis")
    return [installed.c_program(HERE / "hiredis.c")], {}


def redis_tool(script, *arguments):
    command = [sys.executable, "-B", HERE / "python" / script, *arguments]
    return distribution("need-redis", *command)


CLIENTS = {
    "redis-py-8": python("redis==8.1.0"),
    "redis-py-8-asyncio": python("redis==8.1.0", "asyncio"),
    "redis-py-5": python("redis==5.0.8"),
    "redis-py-5-asyncio": python("redis==5.0.8", "asyncio"),
    "node-redis-6": node("node_redis.mjs", "redis-6"),
    "node-redis-4": node("node_redis.mjs", "redis-4"),
    "ioredis-6": node("ioredis.mjs", "ioredis-6"),
    "ioredis-4": node("ioredis.mjs", "ioredis-4"),
    "phpredis": distribution("need-phpredis", "php", HERE / "php" / "phpredis.php"),
    "predis": distribution("need-predis", "php", HERE / "php" / "predis.php"),
    "redis-rb": distribution("need-redis-rb", "ruby", HERE / "redis_rb.rb"),
    "perl-redis": distribution("need-perl-redis", "perl", HERE / "perl_redis.pl"),
    "hiredis": hiredis,
    "redis-cli": redis_tool("redis_cli.py"),
    "redis-cli-resp3": redis_tool("redis_cli.py", "-3"),
    "redis-benchmark": redis_tool("redis_benchmark.py"),
}
