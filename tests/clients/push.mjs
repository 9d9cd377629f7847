// Pushes with prom-client as it is: push.mjs URL STEP.
//
// A step is one call of the client, so that the test can look at the page between two steps.
// The packages lie beside the test's build, so they are looked up from the working directory.

import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);
const { Counter, Gauge, Histogram, Pushgateway, Registry, Summary } = require('prom-client');

const jobName = 'web shop';
const groupings = { instance: 'a+b', region: 'eu west' };

// One metric of each kind.
function everything(value) {
  const registers = [new Registry()];
  new Counter({ name: 'node_orders_total', help: 'Orders.', labelNames: ['kind'], registers })
    .inc({ kind: 'gift' }, value);
  new Gauge({ name: 'node_load', help: 'Load "now"\nand here.', labelNames: ['path'], registers })
    .set({ path: 'C:\\dir\n"ü"' }, value * 1.5);
  const histogram =
    new Histogram({ name: 'node_seconds', help: 'Duration.', buckets: [0.5, 2], registers });
  histogram.observe(1);
  histogram.observe(5);
  new Summary({ name: 'node_wait_seconds', help: 'Waiting.', percentiles: [0.5], registers })
    .observe(value);
  return registers[0];
}

function oneGauge(value) {
  const registers = [new Registry()];
  new Gauge({ name: 'node_added', help: 'Added later.', registers }).set(value);
  return registers[0];
}

const [url, step] = process.argv.slice(2);
const gateway = (registry, options = {}) => new Pushgateway(url, options, registry);
const group = { jobName, groupings };
const auth = password => ({ auth: `pusher:${password}` });

const steps = {
  push: () => gateway(everything(3)).push(group),
  'push-gzip': () =>
    gateway(everything(4), { headers: { 'Content-Encoding': 'gzip' } }).push(group),
  pushadd: () => gateway(oneGauge(7)).pushAdd(group),
  replace: () => gateway(oneGauge(8)).push(group),
  delete: () => gateway(new Registry()).delete(group),
  'push-plain': () => gateway(everything(3)).push({ jobName: 'plain' }),
  'push-slashes': () =>
    gateway(oneGauge(9)).push({ jobName: 'shop/1', groupings: { path: '/a/b' } }),
  'push-authenticated': () => gateway(oneGauge(1), auth('secret')).push({ jobName: 'plain' }),
  'push-wrong-password': () => gateway(oneGauge(2), auth('guess')).push({ jobName: 'plain' }),
  'delete-authenticated': () =>
    gateway(new Registry(), auth('secret')).delete({ jobName: 'plain' }),
};

if (!steps[step]) throw new Error(`no such step: ${step}`);
await steps[step]();
