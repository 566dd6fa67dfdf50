/**
 * kill -9 of client programs in the middle of what they do, at moments of the seed: commands, hooks, `ipc mcp`,
 * `ipc serve`. Acknowledged is stored, shown and not confirmed comes again marked, nothing is doubled unmarked,
 * names are free at once, no process is left.
 */
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { endKernels, missing } from '../../e2e/kernel-machine.ts';
import { eventually, openMachine, type Machine } from '../../e2e/machine.ts';
import type { Attack, Figures } from '../attack.ts';
import { chance } from '../chance.ts';
import { left, type Victim } from './killing.ts';
import * as kernel from './victims-kernel.ts';
import * as local from './victims-local.ts';
import * as mcp from './victims-mcp.ts';
import * as serve from './victims-serve.ts';

const ROUNDS = { short: 3, long: 36 };

export const clientKill: Attack = {
  name: 'client-kill',
  promise:
    'client programs killed in the middle of a call lose nothing, double nothing unmarked, and leave neither name nor process',
  shortMs: 240_000,
  run: async ({ form, seed, say }) => {
    await using machine = await openMachine();
    const random = chance(seed);
    const victims = await victimsOf(machine);
    const counts: Record<string, number> = {};
    const count = (what: string, more = 1): void => {
      counts[what] = (counts[what] ?? 0) + more;
    };
    for (let round = 0; round < ROUNDS[form]; round += 1) {
      for (const [name, victim] of Object.entries(victims)) {
        try {
          await victim({ machine, random, round, count, usualMs: await usual(machine) });
        } catch (error) {
          throw new Error(`${name}, round ${round}: ${String(error)}`, { cause: error });
        }
        count('kills');
      }
      say(`round ${round + 1} of ${ROUNDS[form]}`);
    }
    await endKernels(machine);
    const staged = await sweptAway(machine);
    const daemon = await machine.daemonPid();
    const alive = await left(machine.home, [daemon]);
    if (alive.length > 0) throw new Error(`still there: ${alive.join('; ')}`);
    return {
      ...counts,
      'lost or doubled': 0,
      'files left in staging, swept a day later': staged,
    } satisfies Figures;
  },
};

async function usual(machine: Machine): Promise<number> {
  const begun = performance.now();
  await machine.ok(['check', '--as', 'nobody']);
  return performance.now() - begun;
}

async function victimsOf(machine: Machine): Promise<Readonly<Record<string, Victim>>> {
  const limits = { 'guard.ratePerMinute': '100000', 'guard.burst': '100000', 'guard.depth': '10000' };
  for (const [name, value] of Object.entries(limits)) await machine.ok(['config', 'set', name, value]);
  const token = async (agent: string): Promise<string> =>
    (await machine.ok(['token', 'create', '--agent', agent])).trim();
  const words = ['webhook', 'add', 'github', '--to', 'hooked-by-github', '--verify', 'github'];
  const { secret } = await machine.json<{ secret: string }>(words);
  const standing = {
    sender: await token('http-sender'),
    reader: await token('http-reader'),
    follower: await token('follower'),
    hookSecret: secret,
  };
  if (missing === undefined) await kernel.startKernel(machine);
  const kernels = missing === undefined ? { 'kernel run': kernel.run, 'mcp execute': kernel.execute } : {};
  return {
    ...kernels,
    'send --file': local.sendFile,
    ask: local.ask,
    hook: local.hook,
    watch: local.watch,
    check: local.check,
    register: local.register,
    rename: local.rename,
    'mcp send': mcp.send,
    'mcp check': mcp.check,
    'mcp ask': mcp.ask,
    'serve send': serve.send(standing),
    'serve check': serve.check(standing),
    'serve events': serve.events(standing),
    'serve webhook': serve.webhook(standing),
  };
}

/** What a killed sender had staged lies there for a day, in case it comes back; the next daemon after that sweeps it. */
async function sweptAway(machine: Machine): Promise<number> {
  const staging = join(machine.home, 'blobs', 'staging');
  const names = await readdir(staging);
  const longAgo = Date.now() / 1_000 - 2 * 86_400;
  for (const name of names) await utimes(join(staging, name), longAgo, longAgo);
  await machine.ok(['daemon', 'stop']);
  await machine.ok(['who']);
  await eventually(async () => ((await readdir(staging)).length === 0 ? true : undefined));
  return names.length;
}
