// node-redis; its argument is the folder of the version, in node_modules of the working directory.

import { createRequire } from 'node:module';
import { run } from './checks.mjs';

const [library] = process.argv.slice(2);
const { createClient } = createRequire(`${process.cwd()}/`)(library);

async function open({ host, port, username, password, name, database }) {
  // By default it would try a refused login again for ever.
  const socket = { host, port, reconnectStrategy: false };
  const client = createClient({ socket, username, password, name, database });
  // Without a listener an error ends the process; `connect` rejects with it all the same.
  client.on('error', () => {});
  await client.connect();
  return {
    ping: () => client.ping(),
    name: () => client.clientGetName(),
    lpush: (key, event) => client.lPush(key, event),
    rpush: (key, events) => client.rPush(key, events),
    xadd: (key, event, maxlen) => client.xAdd(key, '*', { event }, maxlen && {
      TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: maxlen },
    }),
    // What is called in one turn goes out in one write.
    pipeline: (key, events) => Promise.all(events.map(event => client.lPush(key, event))),
    transaction: (list, listEvent, stream, streamEvent) =>
      client.multi().lPush(list, listEvent).xAdd(stream, '*', { event: streamEvent }).exec(),
    // Of version 4 it is the only way that waits for replies.
    close: () => client.quit(),
  };
}

await run(library, open);
