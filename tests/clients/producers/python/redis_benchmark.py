"""redis-benchmark with the command given as arguments; its built-in tests use keys of their own.

It only pushes, so its list of checks is a short one: each way of sending ends without an error.
"""

import subprocess

import checks
from checks import FOREIGN, LIST, NOT_ALLOWED, STREAM, WRONG_LOGIN, WRONG_PASSWORD

# A multiple of the pipeline's length, for it sends whole pipelines.
REQUESTS = 320
PIPELINED = 16
WAYS = {
    "LPUSH of 50 clients": ["-c", "50", "LPUSH", LIST],
    "LPUSH in pipelines": ["-c", "10", "-P", str(PIPELINED), "LPUSH", LIST],
    "LPUSH on a connection each": ["-c", "10", "-k", "0", "LPUSH", LIST],
    "LPUSH after HELLO 3 and SELECT 3": ["-c", "10", "-3", "--dbnum", "3", "LPUSH", LIST],
    "XADD": ["-c", "10", "XADD", STREAM, "*", "event"],
}


def benchmark(*arguments, user=checks.USER, password=checks.PASSWORD):
    user = ["--user", user] if user else []
    login = [*user, "-a", password] if password else []
    address = ["-h", checks.HOST, "-p", str(checks.PORT)]
    command = ["redis-benchmark", *address, *login, "-q", "-n", str(REQUESTS), *arguments]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode != 0:
        raise RuntimeError(process.stderr)
    return process.stdout


async def refused(checked, check, words, *arguments, **login):
    async def call():
        return benchmark(*arguments, **login)

    await checked.refused(check, words, call)


async def check_all(checked):
    for check, arguments in WAYS.items():
        kind = "stream_events" if STREAM in arguments else "list_events"
        found = benchmark(*arguments, checked.events.repeated(REQUESTS, kind))
        checked.that(check, "requests per second" in found, found, "requests per second")
    await refused(checked, "wrong password", WRONG_PASSWORD, "LPUSH", LIST, "{}", **WRONG_LOGIN)
    if checks.IS_DOOR:
        await refused(checked, "foreign key", NOT_ALLOWED, "LPUSH", FOREIGN, "{}")
    checked.report(checks.program_version("redis-benchmark"))


checks.start(check_all)
