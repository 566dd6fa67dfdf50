/** An agent told to answer everything, as fast as it can, in one of the ways in which agents answer. */
import type { Chance } from './chance.ts';
import { keyOf, openPeer, type Answer, type Peer, type Refused } from './peer.ts';

/**
 * How it answers, and by what it tries (without knowing) to get out of the guard's sight: `looks` reads without
 * marking, `leases` never says that it has read, the last four are somebody else each time.
 */
export type Way =
  | 'replies'
  | 'sends'
  | 'asks'
  | 'several'
  | 'topic'
  | 'everybody'
  | 'looks'
  | 'leases'
  | 'later'
  | 'renames'
  | 'registers'
  | 'reconnects';

/** What all agents of a storm have in common, and what is counted of it. */
export interface Storm {
  readonly socket: string;
  readonly chance: Chance;
  readonly names: readonly string[];
  stopped: boolean;
  sent: number;
  stored: number;
  held: number;
  refused: number;
  /** Refused or held without a word why, or what to do. */
  untold: string[];
  /** Most messages that followed from one another and were let through. */
  deepest: number;
  quietSince: number;
  /** Answers under way; who is to try again later is not done. */
  busy: number;
}

const TOPIC = 'storm';
const SEVERAL = 5;
const READER = 'storm-reader';
const MOST_TRIES = 5;

export interface Answerer {
  readonly name: () => string;
  /** Says something of its own; what others answer is one deeper. */
  say(hop: number): Promise<void>;
  /** Until the storm is stopped. */
  readonly done: Promise<void>;
}

interface Read {
  readonly id: string;
  readonly hop: number;
  readonly from: { readonly name: string; readonly kind: string };
}

export async function openAnswerer(
  storm: Storm,
  { name, way, kind = 'agent' }: { name: string; way: Way; kind?: 'agent' | 'script' },
): Promise<Answerer> {
  const { socket, chance } = storm;
  /** The program it all happens in: every name it takes is known to come from there. */
  const more = { program: `storm ${name}` };
  let known = name;
  let turns = 0;
  let reads = 0;
  let cursor: string | undefined;

  const take = async (peer: Peer, as: string): Promise<void> => {
    const { refused } = await peer.ask('register', { name: as, key: keyOf(as), kind, hold: true });
    if (refused !== undefined) return note(storm, refused);
    await peer.call('topic.join', { topic: TOPIC });
    known = as;
  };
  let peer = await openPeer({ socket, kind, more });
  await take(peer, name);

  const becomeAnother = async (): Promise<void> => {
    turns += 1;
    const next = `${name}.${turns}`;
    if (way === 'renames') {
      const { refused } = await peer.ask('rename', { name: next });
      if (refused === undefined) known = next;
      else note(storm, refused);
    }
    if (way === 'registers') await take(peer, next);
    if (way !== 'reconnects') return;
    peer[Symbol.dispose]();
    peer = await openPeer({ socket, kind, more });
    await take(peer, next);
  };

  const read = async (): Promise<readonly Read[]> => {
    const look = way === 'looks' ? { peek: true, ...(cursor === undefined ? {} : { after: cursor }) } : {};
    reads += 1;
    // One that never says what it has read gets the next messages only as somebody else.
    const reader = way === 'leases' ? `${READER}-${reads}` : READER;
    const got = await peer.call('check', {
      reader,
      door: 'tool',
      wait: 0.25,
      bytes: 65_536,
      limit: 100,
      ...look,
    });
    const messages = got['messages'] as (Omit<Read, 'hop'> & { body: string; attempt: number })[];
    if (way === 'looks') cursor = (got['next'] as string | undefined) ?? cursor;
    else if (way !== 'leases' && messages.length > 0) {
      const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
      await peer.call('confirm', { reader: READER, door: 'tool', stage: 'handed', deliveries });
    }
    return messages.map(({ id, from, body }) => ({ id, from, hop: hopOf(body) }));
  };

  const sending = (hop: number, to?: Read): readonly [string, Record<string, unknown>] => {
    // Never the same text: repeat detection must not be what ends it.
    const body = JSON.stringify({ hop, say: chance.below(2 ** 31).toString(36) });
    const partner = to?.from.name ?? other(storm, name);
    switch (way) {
      case 'replies':
        return to === undefined ? ['send', { to: [partner], body }] : ['reply', { message: to.id, body }];
      case 'asks':
        return ['ask', { to: [partner], body, timeout: 0.05, reader: 'storm-asker' }];
      case 'several':
        return ['send', { to: Array.from({ length: SEVERAL }, () => other(storm, name)), body }];
      // Its names change too fast to be written to.
      case 'reconnects':
      case 'topic':
        return ['send', { to: [`#${TOPIC}`], body }];
      case 'everybody':
        return ['send', { to: ['@all'], body, go: true }];
      case 'later':
        return [
          'send',
          { to: [partner], body, notBefore: new Date(Date.now() + 20).toISOString().slice(0, 23) + 'Z' },
        ];
      case 'sends':
      case 'looks':
      case 'leases':
      case 'renames':
      case 'registers':
        return ['send', { to: [partner], body }];
    }
  };

  const answer = async (hop: number, to?: Read): Promise<void> => {
    storm.busy += 1;
    try {
      if (to !== undefined && to.from.kind !== 'system') await becomeAnother();
      const [method, params] = sending(hop, to);
      for (let tries = 0; tries < MOST_TRIES && !storm.stopped; tries += 1) {
        storm.sent += 1;
        const wait = counted(storm, await peer.ask(method, params), hop);
        if (wait === undefined) return;
        await Bun.sleep(wait);
      }
    } finally {
      storm.busy -= 1;
    }
  };

  const live = async (): Promise<void> => {
    try {
      while (!storm.stopped) for (const message of await read()) await answer(message.hop + 1, message);
    } catch (error) {
      if (!storm.stopped) throw error;
    } finally {
      peer[Symbol.dispose]();
    }
  };
  return { name: () => known, say: (hop) => answer(hop), done: live() };
}

function other(storm: Storm, name: string): string {
  const others = storm.names.filter((each) => each !== name);
  return storm.chance.pick(others);
}

function hopOf(body: string): number {
  try {
    const { hop } = JSON.parse(body) as { hop?: unknown };
    return typeof hop === 'number' ? hop : 0;
  } catch {
    // A notice of the system's: whoever answers everything answers that too.
    return 0;
  }
}

interface SentTo {
  readonly state: string;
  readonly reason?: string;
}

/** Milliseconds after which to try again; undefined: it is done with. */
function counted(storm: Storm, { result, refused }: Answer, hop: number): number | undefined {
  if (refused !== undefined) {
    note(storm, refused);
    const seconds = refused.details?.['retryAfterSeconds'];
    return typeof seconds === 'number' ? seconds * 1_000 : undefined;
  }
  const sent = (result['sent'] ?? result) as { deliveries: readonly SentTo[] };
  for (const { state, reason = '' } of sent.deliveries) {
    if (state === 'queued') {
      storm.stored += 1;
      storm.deepest = Math.max(storm.deepest, hop);
      storm.quietSince = performance.now();
      continue;
    }
    if (state === 'held') storm.held += 1;
    else storm.refused += 1;
    const isTold = state === 'held' ? /person/.test(reason) && /ipc release/.test(reason) : reason !== '';
    if (!isTold) storm.untold.push(`${state}: ${reason}`);
  }
  return undefined;
}

function note(storm: Storm, { code, message, hint, details }: Refused): void {
  storm.refused += 1;
  const saysWhen = code !== 'rate_limited' || typeof details?.['retryAfterSeconds'] === 'number';
  if (message === '' || hint === '' || !saysWhen) storm.untold.push(`${code}: ${message}`);
}
