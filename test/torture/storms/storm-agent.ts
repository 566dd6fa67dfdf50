/** An agent told to answer everything, as fast as it can, in one of the ways in which agents answer. */
import type { Chance } from '../chance.ts';
import { keyOf, lineClient, type Answer, type LineClient } from '../line-client.ts';

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

interface Mail {
  readonly id: string;
  readonly from: { readonly name: string; readonly kind: string };
  readonly body: string;
  readonly attempt: number;
}

interface Page {
  readonly messages: readonly Mail[];
  readonly next?: string;
}

interface Read extends Pick<Mail, 'id' | 'from'> {
  readonly hop: number;
}

export async function openAnswerer(
  storm: Storm,
  { name, way, kind = 'agent' }: { name: string; way: Way; kind?: 'agent' | 'script' },
): Promise<Answerer> {
  const { socket, chance } = storm;
  /** The program it all happens in: every name it takes is known to come from there. */
  const greeting = { kind, program: `storm ${name}` };
  let known = name;
  let turns = 0;
  let reads = 0;
  let cursor: string | undefined;

  const take = async (peer: LineClient, as: string): Promise<void> => {
    const { error } = await answerOf(peer, 'register', { name: as, key: keyOf(as), kind, hold: true });
    if (error !== undefined) return note(storm, error);
    await peer.call('topic.join', { topic: TOPIC });
    known = as;
  };
  let peer = await lineClient(socket, greeting);
  await take(peer, name);

  const becomeAnother = async (): Promise<void> => {
    turns += 1;
    const next = `${name}.${turns}`;
    if (way === 'renames') {
      const { error } = await answerOf(peer, 'rename', { name: next });
      if (error === undefined) known = next;
      else note(storm, error);
    }
    if (way === 'registers') await take(peer, next);
    if (way !== 'reconnects') return;
    peer[Symbol.dispose]();
    peer = await lineClient(socket, greeting);
    await take(peer, next);
  };

  const read = async (): Promise<readonly Read[]> => {
    const look = way === 'looks' ? { peek: true, ...(cursor === undefined ? {} : { after: cursor }) } : {};
    reads += 1;
    // One that never says what it has read gets the next messages only as somebody else.
    const reader = way === 'leases' ? `${READER}-${reads}` : READER;
    const { messages, next } = await peer.call<Page>('check', {
      reader,
      door: 'tool',
      wait: 0.25,
      bytes: 65_536,
      limit: 100,
      ...look,
    });
    if (way === 'looks') cursor = next ?? cursor;
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
        const wait = counted(storm, await answerOf(peer, method, params), hop);
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
function counted(storm: Storm, { result = {}, error }: Answer, hop: number): number | undefined {
  if (error !== undefined) {
    note(storm, error);
    const seconds = error.data?.details?.['retryAfterSeconds'];
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

async function answerOf(peer: LineClient, method: string, params: object): Promise<Answer> {
  const answer = await peer.ask(method, params);
  if (answer === undefined) throw new Error('the daemon closed the connection');
  return answer;
}

function note(storm: Storm, { message, data }: NonNullable<Answer['error']>): void {
  const { code = 'none', hint = '', details } = data ?? {};
  storm.refused += 1;
  const saysWhen = code !== 'rate_limited' || typeof details?.['retryAfterSeconds'] === 'number';
  if (message === '' || hint === '' || !saysWhen) storm.untold.push(`${code}: ${message}`);
}
