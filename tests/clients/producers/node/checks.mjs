// What is checked of a client, the same list for each that runs on Node.js; python/checks.py says
// what it is good for.
//
// A client is what `open` resolves to, with the calls that are used below.

import { readFileSync } from 'node:fs';

const env = process.env;
const [list, stream, client] = [env.DOOR_LIST, env.DOOR_STREAM, env.DOOR_CLIENT];
const address = { host: env.DOOR_HOST, port: Number(env.DOOR_PORT), name: 'door-check', database: 0 };
const login = { username: env.DOOR_USER, password: env.DOOR_PASSWORD };
// "default" takes any password where none is set, so a wrong one needs a user.
const wrongLogin =
  { username: login.username ?? (login.password ? undefined : 'nobody'), password: 'wrong' };

const sent = { list_events: 0, stream_events: 0 };
let sum = 0;
let checks = 0;
let last = 'the start';

function next(kind = 'list_events') {
  sent[kind] += 1;
  const value = sent.list_events + sent.stream_events;
  sum += value;
  return { name: 'door_client_total', value, labels: { client } };
}

const event = kind => JSON.stringify(next(kind));
const several = count => Array.from({ length: count }, () => event());

// An array that no single read of a socket brings.
function large() {
  const events = [];
  while (JSON.stringify(events).length < 100_000) {
    for (let more = 0; more < 100; more++) events.push(next());
  }
  return JSON.stringify(events);
}

function that(check, fine, found, expected) {
  checks += 1;
  if (!fine) fail(`${check}: found ${JSON.stringify(found)}, expected ${expected}`);
  last = check;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

function lengths(check, found, count) {
  const fine = Array.isArray(found) && found.length === count &&
    found.every(length => Number.isInteger(length) && length >= 1);
  that(check, fine, found, `${count} integers of at least 1`);
}

function ids(check, found) {
  const parts = found.map(id => /^(\d+)-(\d+)$/.exec(id)?.slice(1).map(BigInt));
  const above = ([ms, seq], [laterMs, laterSeq]) =>
    laterMs > ms || (laterMs === ms && laterSeq > seq);
  const rise = () => parts.slice(1).every((part, before) => above(parts[before], part));
  const fine = parts.every(Boolean) && rise();
  that(check, fine, found, 'ids as digits-digits that rise');
}

async function refused(check, word, call) {
  const found = await call().then(reply => ({ reply }), error => error.message);
  that(check, typeof found === 'string' && found.includes(word), found, `an error with ${word}`);
}

// Runs them on a client that `open` makes of the options; `library` is the package's folder. An
// error that no check expects is told with its place.
export async function run(library, open) {
  await checkAll(library, open)
    .catch(error => fail(`behind ${last}: found ${error.message}, expected no error`));
}

async function checkAll(library, open) {
  const connect = options => open({ ...address, ...login, ...options });
  const one = await connect();
  const reply = await one.ping();
  that('PING', reply === 'PONG', reply, 'PONG');
  const name = await one.name();
  that('client name', name === address.name, name, address.name);
  lengths('LPUSH', [await one.lpush(list, event())], 1);
  lengths('RPUSH of several', [await one.rpush(list, several(3))], 1);
  const added = [];
  for (let more = 0; more < 3; more++) added.push(await one.xadd(stream, event('stream_events')));
  added.push(await one.xadd(stream, event('stream_events'), 100_000));
  ids('XADD', added);
  lengths('pipeline', await one.pipeline(list, several(100)), 100);
  const both = await one.transaction(list, event(), stream, event('stream_events'));
  that('transaction', Array.isArray(both) && both.length === 2, both, 'two replies');
  lengths('LPUSH in a transaction', both.slice(0, 1), 1);
  ids('XADD in a transaction', [added.at(-1), both[1]]);
  lengths('100 kB', [await one.lpush(list, large())], 1);
  const many = await Promise.all(several(32).map(async event => [await connect(), event]));
  const pushed = await Promise.all(many.map(([other, event]) => other.lpush(list, event)));
  await Promise.all(many.map(([other]) => other.close()));
  lengths('connections at once', pushed, 32);

  const elsewhere = await connect({ database: 3 });
  lengths('LPUSH after SELECT 3', [await elsewhere.lpush(list, event())], 1);
  await elsewhere.close();
  await refused('wrong password', 'WRONGPASS', () => connect(wrongLogin));
  if (env.DOOR === '1') {
    await refused('foreign key', 'NOPERM', () => one.lpush('another:queue', '{}'));
  }
  await one.close();
  const { version } = JSON.parse(readFileSync(`node_modules/${library}/package.json`));
  console.log(JSON.stringify({ client, version, checks, ...sent, sum }));
}
