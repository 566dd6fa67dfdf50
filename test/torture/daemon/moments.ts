/** The moments of a daemon's life at which it is killed, so that each part of that life sees its share. */
import { watch } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { daemonsOf } from '../../support/daemons.ts';
import type { Chance } from '../chance.ts';
import { command, passed, program, rested, sender, type Crowd, type Sender } from './crowd.ts';

export const moments = [
  'checkpoint',
  'commit',
  'drain',
  'evicted',
  'frozen',
  'hand-over',
  'janitor',
  'load',
  'start-up',
] as const;
export type Moment = (typeof moments)[number];

function signal(pids: readonly number[], name: NodeJS.Signals): boolean {
  let hit = false;
  for (const pid of pids) {
    try {
      process.kill(pid, name);
      hit = true;
    } catch {
      // It ended by itself meanwhile.
    }
  }
  return hit;
}

export interface Killer extends AsyncDisposable {
  /** Waits for that moment and kills; false: there was nobody left to kill. */
  kill(moment: Moment): Promise<boolean>;
}

/** By chance; a checkpoint is waited for, so it comes up half as often. */
export function someMoment(chance: Chance): Moment {
  const often = moments.filter((moment) => moment !== 'checkpoint');
  return chance.pick([...often, ...often, 'checkpoint']);
}

/** What the killer sends itself goes to this mailbox. */
export function killer(crowd: Crowd, mailbox: string): Killer {
  const { machine, chance } = crowd;
  const probe = sender(crowd, 'probe');
  const late = sender(crowd, 'late');
  let underWay: Promise<unknown> = Promise.resolve();
  const ways: Readonly<Record<Moment, () => Promise<readonly number[]>>> = {
    'start-up': async () => {
      signal(daemonsOf(machine.home), 'SIGKILL');
      // Those who want it start the next; from its first instruction to some time after its first answer.
      const begun = await appeared(crowd);
      await passed(chance.next() * 70);
      return begun;
    },
    load: async () => {
      const pid = await ready(crowd);
      await passed(chance.next() * 60);
      return [pid];
    },
    commit: async () => {
      const pid = await ready(crowd);
      await passed(chance.next() * 30);
      // One after the other: the order of two that are under way at once is promised to nobody.
      await underWay;
      underWay = probe.send([mailbox], [mailbox]);
      await passed(chance.next() * 1.5);
      return [pid];
    },
    checkpoint: async () => {
      const pid = await ready(crowd);
      // The file itself is written only then. The log of the store fills in about a second.
      await underWay;
      await written(join(machine.home, 'ipc.db'), probe, mailbox);
      await passed(chance.next() * 4);
      return [pid];
    },
    janitor: async () => {
      const pid = await ready(crowd);
      const due = Date.now() + 30 + chance.below(40);
      await late.send([mailbox], [mailbox], { notBefore: new Date(due).toISOString() });
      await passed(Math.max(0, due - Date.now()) + chance.next() * 4);
      return [pid];
    },
    drain: async () => {
      const pid = await ready(crowd);
      await passed(chance.next() * 30);
      signal([pid], 'SIGTERM');
      await passed(chance.next() * 25);
      return [pid];
    },
    evicted: async () => {
      await ready(crowd);
      await passed(chance.next() * 30);
      // Another one comes while it still runs, and both are killed, or it alone before that one is there.
      await Promise.all(
        ['daemon.lock', 'ipc.sock'].map((name) => rm(join(machine.home, name), { force: true })),
      );
      await passed(chance.next() * 80);
      return daemonsOf(machine.home);
    },
    frozen: async () => {
      const pid = await ready(crowd);
      await passed(chance.next() * 30);
      signal([pid], 'SIGSTOP');
      await passed(chance.next() * 40);
      return [pid];
    },
    'hand-over': async () => {
      await ready(crowd);
      void command(crowd, ['daemon', 'restart']);
      await passed(chance.next() * 80);
      return daemonsOf(machine.home);
    },
  };
  return {
    kill: async (moment) => signal(await ways[moment](), 'SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      await underWay;
      await Promise.all([probe.close(), late.close()]);
    },
  };
}

/** Pid of a daemon that greets. Throws when everybody has gone home before there was one. */
async function ready(crowd: Crowd): Promise<number> {
  while (!crowd.over) {
    const client = program(crowd.machine, 'looks');
    try {
      return (await client.welcome()).pid;
    } catch {
      // Killed, or ended, while it was about to greet.
    } finally {
      await client.close();
    }
  }
  throw new Error('no daemon came any more');
}

async function appeared(crowd: Crowd): Promise<readonly number[]> {
  while (!crowd.over) {
    const found = daemonsOf(crowd.machine.home);
    if (found.length > 0) return found;
    await rested(1);
  }
  throw new Error('no daemon came any more');
}

/** Resolves when the file is written to; bulky messages see to it that it is. */
async function written(path: string, probe: Sender, mailbox: string): Promise<void> {
  const changed = Promise.withResolvers<void>();
  const watching = watch(path, () => changed.resolve());
  const end = performance.now() + 1_500;
  let is = false;
  void changed.promise.then(() => (is = true));
  while (!is && performance.now() < end) await probe.send([mailbox], [mailbox]);
  watching.close();
}
