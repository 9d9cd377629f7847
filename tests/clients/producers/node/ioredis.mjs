// ioredis; its argument is the folder of the version, in node_modules of the working directory.

import { createRequire } from 'node:module';
import { run } from './checks.mjs';

const [library] = process.argv.slice(2);
const exported = createRequire(`${process.cwd()}/`)(library);
const Redis = exported.Redis ?? exported;

// Replies of a pipeline are pairs of an error and a reply.
const replies = pairs => pairs.map(([error, reply]) => {
  if (error) throw error;
  return reply;
});

function open({ host, port, username, password, name, database }) {
  const login = { username, password, connectionName: name, db: database };
  // By default it would try a refused login again for ever.
  const client = new Redis({ host, port, ...login, retryStrategy: null });
  const opened = {
    ping: () => client.ping(),
    name: () => client.client('GETNAME'),
    lpush: (key, event) => client.lpush(key, event),
    rpush: (key, events) => client.rpush(key, ...events),
    xadd: (key, event, maxlen) =>
      client.xadd(key, ...(maxlen ? ['MAXLEN', '~', maxlen] : []), '*', 'event', event),
    pipeline: async (key, events) =>
      replies(await client.pipeline(events.map(event => ['lpush', key, event])).exec()),
    transaction: async (list, listEvent, stream, streamEvent) => replies(
      await client.multi().lpush(list, listEvent).xadd(stream, '*', 'event', streamEvent).exec(),
    ),
    close: () => client.quit(),
  };
  // A refused login is told by an event; ready it is after `INFO`.
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('ready', () => resolve(opened));
  });
}

await run(library, open);
