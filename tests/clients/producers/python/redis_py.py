"""redis-py, through its blocking interface or, with the argument `asyncio`, through the other."""

import asyncio
import contextlib
import sys

import redis
import redis.asyncio

import checks


class RedisPy:
    LIBRARY = redis

    def __init__(self, client):
        self.client = client
        self.ping, self.name = client.ping, client.client_getname
        self.lpush, self.rpush = client.lpush, client.rpush

    @classmethod
    def open(cls, user, password, name, database):
        address = {"host": checks.HOST, "port": checks.PORT, "db": database}
        login = {"username": user, "password": password, "client_name": name}
        return cls(cls.LIBRARY.Redis(decode_responses=True, **address, **login))

    def xadd(self, key, event, maxlen=None):
        return self.client.xadd(key, {"event": event}, maxlen=maxlen, approximate=True)

    def pipeline(self, key, events):
        pipeline = self.client.pipeline(transaction=False)
        for event in events:
            pipeline.lpush(key, event)
        return pipeline.execute()

    def transaction(self, list_key, list_event, stream_key, stream_event):
        transaction = self.client.pipeline(transaction=True)
        transaction.lpush(list_key, list_event)
        transaction.xadd(stream_key, {"event": stream_event})
        return transaction.execute()

    def at_once(self, key, events):
        """Each takes a connection from the pool and keeps it until all have pushed."""
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(self.client.client()) for _ in events]
            return [client.lpush(key, event) for client, event in zip(clients, events)]

    def close(self):
        return self.client.close()


class AsyncRedisPy(RedisPy):
    LIBRARY = redis.asyncio

    async def at_once(self, key, events):
        """All wait for a reply at the same time, so the pool opens a connection for each."""
        return await asyncio.gather(*(self.client.lpush(key, event) for event in events))

    def close(self):
        return self.client.aclose()


client = AsyncRedisPy if sys.argv[1:] == ["asyncio"] else RedisPy
checks.run(client, redis.__version__)
