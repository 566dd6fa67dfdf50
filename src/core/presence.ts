/**
 * The sessions of this daemon that others can see: holders of a name, watchers, waiters. One-shot
 * commands never come here, so a cold `send` writes nothing but its message.
 */
import type { Door } from '../protocol/model.ts';
import type { Clock, Store } from './ports.ts';
import { openDoors } from './view.ts';
import type { AgentId, Seat, SessionRecord } from './records/agents.ts';

/** A session that is not heard of for so long is gone (its daemon died without a word). */
const SESSION_TTL_MS = 60_000;
const BEAT_MS = 20_000;

/** What is known of a session before it is seen. */
export type NewSession = Omit<Seat, 'since' | 'activeAt' | 'idle'>;

interface Place {
  record: SessionRecord;
  /** Open while a stream or a waiting check is; one entry for each: two may share a door, and one of them end. */
  streams: readonly Door[];
  /** Open as long as the session is. */
  readonly kept: ReadonlySet<Door>;
}

const doorsOf = ({ streams, kept }: Pick<Place, 'streams' | 'kept'>): readonly Door[] => [
  ...new Set([...kept, ...streams]),
];

export class PresenceBook {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #places = new Map<string, Place>();
  /** Agents that said so: a session that comes later (a monitor beside its server) is as idle as the rest. */
  readonly #idle = new Set<AgentId>();
  #beatAt = 0;

  constructor(parts: { store: Store; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** When `beat` wants to be called next; null: nobody is here. */
  get dueInMs(): number | null {
    return this.#places.size === 0 ? null : BEAT_MS;
  }

  /** As others see a session that is to hold a name; to be attached by the store, then `taken`. */
  holderSeat(session: NewSession, doors: readonly Door[]): { readonly seat: Seat; readonly until: number } {
    const streams = this.#places.get(session.id)?.streams ?? [];
    return this.#seatOf({ ...session, doors: doorsOf({ streams, kept: new Set(doors) }) });
  }

  /** The store has attached it: it holds a name. */
  async taken(attached: SessionRecord, kept: readonly Door[]): Promise<void> {
    const streams = this.#places.get(attached.id)?.streams ?? [];
    const place = { streams, kept: new Set(kept) };
    const record = { ...attached, idle: this.#idle.has(attached.agent), doors: doorsOf(place) };
    this.#places.set(record.id, { ...place, record });
    // A stream that opened while the name was being taken: after a restart both come at once.
    if (record.doors.length !== attached.doors.length)
      await this.#store.attach(record, this.#clock.now() + SESSION_TTL_MS);
    if (record.idle) await this.beat();
  }

  /** A door that the agent's holder is found to have, open from now on. */
  async keepOpen(agent: AgentId, door: Door): Promise<void> {
    for (const [id, place] of this.#places) {
      if (place.record.agent !== agent || place.record.role !== 'holder' || place.kept.has(door)) continue;
      const kept = new Set([...place.kept, door]);
      const record = { ...place.record, doors: doorsOf({ ...place, kept }) };
      this.#places.set(id, { ...place, record, kept });
      await this.#store.attach(record, this.#clock.now() + SESSION_TTL_MS);
    }
  }

  /** Open now, of whatever session of the agent. */
  doorsOf(agent: AgentId): readonly Door[] {
    const records = [...this.#places.values()].map(({ record }) => record);
    return openDoors(records.filter((record) => record.agent === agent));
  }

  /** Opens a door of a session until the function returned is called. */
  async open(agent: AgentId, session: NewSession, door: Door): Promise<() => Promise<void>> {
    await this.#change(agent, session, (doors) => [...doors, door]);
    return () => this.#change(agent, session, (doors) => doors.toSpliced(doors.lastIndexOf(door), 1));
  }

  /** While it waits for an answer a session is here, though nothing else is pushed to it. */
  async stay(agent: AgentId, session: NewSession): Promise<() => Promise<void>> {
    if (this.#places.has(session.id)) return async () => {};
    await this.#change(agent, session, (doors) => doors, { stays: true });
    return () => this.#change(agent, session, (doors) => doors);
  }

  /** A satellite that neither has a door nor stays is not here. */
  async #change(
    agent: AgentId,
    session: NewSession,
    change: (doors: readonly Door[]) => readonly Door[],
    { stays } = { stays: false },
  ): Promise<void> {
    const before = this.#places.get(session.id);
    const [streams, kept] = [change(before?.streams ?? []), before?.kept ?? new Set<Door>()];
    const role = before?.record.role ?? 'satellite';
    if (streams.length === 0 && role === 'satellite' && !stays) return this.leave(session.id);
    const { seat, until } = this.#seatOf({ ...session, role, doors: doorsOf({ streams, kept }) });
    const { since, idle } = before?.record ?? { ...seat, idle: this.#idle.has(agent) };
    const record = { ...seat, agent, since, idle };
    this.#places.set(session.id, { record, streams, kept });
    await this.#store.attach(record, until);
  }

  #seatOf(record: NewSession): { readonly seat: Seat; readonly until: number } {
    const now = this.#clock.now();
    return { seat: { ...record, since: now, activeAt: now, idle: false }, until: now + SESSION_TTL_MS };
  }

  async leave(id: string): Promise<void> {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    const { agent } = place.record;
    if (![...this.#places.values()].some((other) => other.record.agent === agent)) this.#idle.delete(agent);
    await this.#store.detach({ session: id, now: this.#clock.now() });
  }

  touch(id: string): void {
    const place = this.#places.get(id);
    if (place !== undefined) place.record = { ...place.record, activeAt: this.#clock.now() };
  }

  /** Says of all of an agent's sessions whether it is idle. */
  async setIdle(agent: AgentId, state: { idle: boolean }): Promise<void> {
    if (state.idle) this.#idle.add(agent);
    else this.#idle.delete(agent);
    for (const place of this.#places.values()) {
      if (place.record.agent !== agent) continue;
      const activeAt = state.idle ? place.record.activeAt : this.#clock.now();
      place.record = { ...place.record, activeAt, idle: state.idle };
    }
    await this.beat();
  }

  /** Keeps the sessions of this daemon alive. */
  async beat(): Promise<void> {
    const now = this.#clock.now();
    this.#beatAt = now;
    if (this.#places.size === 0) return;
    const sessions = [...this.#places.values()].map(({ record }) => ({
      id: record.id,
      activeAt: record.activeAt,
      idle: record.idle,
    }));
    await this.#store.heartbeat({ sessions, until: now + SESSION_TTL_MS, now });
  }

  /**
   * Before anybody is judged gone: a wall clock that jumped (either way) since the last beat would
   * make every live session look past its time.
   */
  async settle(): Promise<void> {
    const elapsed = this.#clock.now() - this.#beatAt;
    if (elapsed < 0 || elapsed > SESSION_TTL_MS / 2) await this.beat();
  }
}
