/** A store with a clock that the test turns and agents that have names: what every case begins with. */
import { expect } from 'bun:test';
import type { Store } from '../../src/core/ports.ts';
import type { AgentId, AgentProfile, SessionRecord } from '../../src/core/records/agents.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Fetch, Fetched, ReceiptRecord } from '../../src/core/records/reading.ts';
import type { Posted, PostedTo, KernelStanding, Posting } from '../../src/core/records/sending.ts';
import type { Compose, Sweep, Swept } from '../../src/core/records/upkeep.ts';
import type { Door, Kind } from '../../src/protocol/model.ts';
import { parseAddress, type AgentName } from '../../src/protocol/names.ts';

export type OpenEngine = () => Promise<Store>;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A name as the tests write it; the rules for names are the protocol's. */
export const named = (name: string): AgentName => name as AgentName;
export const keyOf = (owner: string): Uint8Array => new Bun.CryptoHasher('sha256').update(owner).digest();

/** Words of notices: enough to tell them apart, and the same for the same event. */
export const compose: Compose = (event) => {
  const about = event.kind === 'reminder' ? event.sender : event.recipient;
  return { id: `${event.kind}-${event.messageId}-${about}`, body: `${event.kind} ${about}: ${event.body}` };
};

const plain = {
  kernels: new Map<AgentId, KernelStanding>(),
  bodyBlob: null,
  data: null,
  attachments: [],
  thread: null,
  replyTo: null,
  answers: false,
  forwardOf: null,
  intent: 'inform',
  priority: 'normal',
  notBefore: null,
  expiresAt: null,
  limits: { mailbox: 20_000, unbornMailbox: 100, unbornNames: 100, depth: 30, tireless: null },
  kin: [],
  heldNotice: null,
} as const satisfies Partial<Posting>;

export interface Sent {
  readonly id: string;
  readonly thread: string;
  readonly duplicate: boolean;
  readonly deliveries: readonly PostedTo[];
  readonly wake: readonly AgentId[];
}

export class Town implements AsyncDisposable {
  readonly store: Store;
  readonly #ids = new Map<string, AgentId>();
  readonly #kinds = new Map<AgentId, Kind>();
  #messages = 0;
  now = Date.UTC(2026, 0, 1);
  mono = 1_000_000;

  constructor(store: Store) {
    this.store = store;
  }

  /** Both clocks go on. */
  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.mono += milliseconds;
  }

  /** Steps in under the name, with the key that goes with it. */
  async agent(name: string, kind: Kind = 'script', owner = name): Promise<AgentId> {
    const entered = granted(
      await this.store.enter({ name: named(name), keyHash: keyOf(owner), kind, own: true, now: this.now }),
    );
    this.#ids.set(name, entered.agent.id);
    this.#kinds.set(entered.agent.id, kind);
    return entered.agent.id;
  }

  posting(
    sender: AgentId,
    to: string | readonly string[],
    body: string,
    more: Partial<Posting> = {},
  ): Posting {
    const kind = this.#kinds.get(sender) ?? 'script';
    return {
      ...plain,
      id: `message-${(this.#messages += 1)}`,
      sender,
      provenance: { kind, verified: true, client: 'contract', directory: null },
      to: (typeof to === 'string' ? [to] : to).map(parseAddress),
      body,
      all: { kinds: ['human', 'agent'], seenSince: this.now - DAY, limit: 10 },
      unbornExpiresAt: this.now + 7 * DAY,
      now: this.now,
      ...more,
    };
  }

  async post(posting: Posting): Promise<Posted> {
    const [posted] = await this.store.send([posting]);
    if (posted === undefined) throw new Error('the store gave no result');
    return posted;
  }

  /** Sends what must be accepted. */
  async send(
    sender: AgentId,
    to: string | readonly string[],
    body: string,
    more: Partial<Posting> = {},
  ): Promise<Sent> {
    const posting = this.posting(sender, to, body, more);
    return { ...granted(await this.post(posting)), id: posting.id };
  }

  async reply(sender: AgentId, replyTo: string, body: string, more: Partial<Posting> = {}): Promise<Sent> {
    return this.send(sender, [], body, { replyTo, answers: true, ...more });
  }

  async fetch(
    agent: AgentId,
    more: Partial<Omit<Fetch, 'lease'>> & { reader?: string; peek?: boolean } = {},
  ): Promise<Fetched> {
    const { reader = 'reader-one', peek = false, ...rest } = more;
    const lease = peek ? null : { reader, until: this.mono + 30_000, maxAttempts: 5 };
    const request = {
      agent,
      lease,
      limit: 1_000,
      bytes: 1_000_000,
      from: null,
      thread: null,
      replyTo: null,
      unproven: null,
    };
    return this.store.fetch({ ...request, after: 0, now: this.now, mono: this.mono, ...rest }, compose);
  }

  async confirm(
    agent: AgentId,
    fetched: Pick<Fetched, 'deliveries'>,
    more: { reader?: string; door?: Door; stage?: 'offered' | 'handed' | 'seen' } = {},
  ): Promise<{ confirmed: readonly string[]; lost: readonly string[] }> {
    const deliveries = fetched.deliveries.map(({ message, attempt }) => ({ id: message.id, attempt }));
    return this.store.confirm({
      agent,
      reader: 'reader-one',
      door: 'cli',
      stage: 'handed',
      deliveries,
      now: this.now,
      ...more,
    });
  }

  /** Hands over what is unread, to the end; returns the bodies. */
  async take(agent: AgentId, reader = 'reader-one'): Promise<readonly string[]> {
    const fetched = await this.fetch(agent, { reader });
    await this.confirm(agent, fetched, { reader });
    return bodies(fetched);
  }

  async receipts(sender: AgentId, id: string): Promise<readonly ReceiptRecord[]> {
    const [record] = await this.store.past({ ...everything, viewer: sender, id });
    return record?.receipts ?? [];
  }

  async receipt(sender: AgentId, id: string): Promise<ReceiptRecord> {
    const [receipt, more] = await this.receipts(sender, id);
    if (receipt === undefined || more !== undefined) throw new Error(`wanted one receipt of ${id}`);
    return receipt;
  }

  async profile(name: string): Promise<AgentProfile | undefined> {
    const [profile] = await this.store.agents({ name: named(name), now: this.now });
    return profile;
  }

  async sweep(more: Partial<Sweep> = {}): Promise<Swept> {
    const step = {
      keepSince: this.now - 30 * DAY,
      keepNewest: null,
      autoNamedSince: this.now - DAY,
      limit: 500,
    };
    return this.store.sweep({ ...step, now: this.now, mono: this.mono, ...more }, compose);
  }

  session(agent: AgentId, id: string, more: Partial<SessionRecord> = {}): SessionRecord {
    return {
      id,
      agent,
      role: 'satellite',
      client: 'contract',
      doors: [],
      pid: null,
      directory: null,
      project: null,
      branch: null,
      since: this.now,
      activeAt: this.now,
      idle: false,
      ...more,
    };
  }

  /** Whatever a case did, the store must find itself in order afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { problems } = await this.store.verify();
    await this.store.close();
    expect(problems).toEqual([]);
  }
}

export async function openTown(open: OpenEngine): Promise<Town> {
  return new Town(await open());
}

export const everything = {
  viewer: null,
  id: null,
  with: null,
  thread: null,
  state: null,
  sentByViewer: false,
  before: null,
  after: null,
  limit: 100,
} as const;

export function granted<T>(outcome: Outcome<T>): { readonly ok: true } & T {
  if (!outcome.ok) throw new Error(`refused ${outcome.code}: ${outcome.message}`);
  return outcome;
}

export function bodies(fetched: Pick<Fetched, 'deliveries'>): readonly string[] {
  return fetched.deliveries.map(({ message }) => message.body);
}
