/**
 * The sessions of this daemon that others can see: holders of a name, watchers, waiters. One-shot
 * commands never come here, so a cold `send` writes nothing but its message.
 */
import type { Door } from '../protocol/model.ts';
import type { Clock, Store } from './ports.ts';
import type { AgentId, SessionRecord } from './records.ts';

/** A session that is not heard of for so long is gone (its daemon died without a word). */
const SESSION_TTL_MS = 60_000;
const BEAT_MS = 20_000;

interface Seat {
  record: SessionRecord;
}

export class PresenceBook {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #seats = new Map<string, Seat>();
  #beatAt = 0;

  constructor(parts: { store: Store; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** When `beat` wants to be called next; null: nobody is here. */
  get dueInMs(): number | null {
    return this.#seats.size === 0 ? null : BEAT_MS;
  }

  async sit(record: Omit<SessionRecord, 'since' | 'activeAt' | 'idle'>): Promise<void> {
    const now = this.#clock.now();
    const before = this.#seats.get(record.id)?.record;
    const seated: SessionRecord = {
      ...record,
      since: before?.since ?? now,
      activeAt: now,
      idle: before?.idle ?? false,
    };
    this.#seats.set(record.id, { record: seated });
    await this.#store.attach(seated, now + SESSION_TTL_MS);
  }

  /** Opens one more door of a session, or closes it again; a satellite without doors is not seated. */
  async door(
    record: Omit<SessionRecord, 'since' | 'activeAt' | 'idle'>,
    change: { open?: Door; close?: Door },
  ): Promise<void> {
    const held = this.#seats.get(record.id)?.record;
    const doors = (held?.doors ?? []).filter((door) => door !== change.close);
    if (change.open !== undefined && !doors.includes(change.open)) doors.push(change.open);
    const role = held?.role ?? record.role;
    if (doors.length === 0 && role === 'satellite') return this.leave(record.id);
    await this.sit({ ...record, role, doors });
  }

  /** While it waits for an answer a session is here, though nothing else is pushed to it. */
  async waiting(record: Omit<SessionRecord, 'since' | 'activeAt' | 'idle'>): Promise<() => Promise<void>> {
    if (this.#seats.has(record.id)) return async () => {};
    await this.sit(record);
    return () => this.leave(record.id);
  }

  async leave(id: string): Promise<void> {
    if (!this.#seats.delete(id)) return;
    await this.#store.detach({ session: id, now: this.#clock.now() });
  }

  touch(id: string): void {
    const seat = this.#seats.get(id);
    if (seat !== undefined) seat.record = { ...seat.record, activeAt: this.#clock.now() };
  }

  /** Says of all of an agent's sessions whether it is idle. */
  async setIdle(agent: AgentId, state: { idle: boolean }): Promise<void> {
    for (const seat of this.#seats.values()) {
      if (seat.record.agent !== agent) continue;
      const activeAt = state.idle ? seat.record.activeAt : this.#clock.now();
      seat.record = { ...seat.record, activeAt, idle: state.idle };
    }
    await this.beat();
  }

  /** Keeps the sessions of this daemon alive. */
  async beat(): Promise<void> {
    const now = this.#clock.now();
    this.#beatAt = now;
    if (this.#seats.size === 0) return;
    const sessions = [...this.#seats.values()].map(({ record }) => ({
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
