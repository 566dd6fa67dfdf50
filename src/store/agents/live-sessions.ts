/**
 * Sessions, and when agents were seen. In memory: a session is a connection of this process, and a
 * session row that survived a crash would look like a live holder and block its owner. Attaching,
 * detaching and asking who is here cost no write. An engine for several hosts keeps this in a table.
 */
import type { AgentId, SessionRecord } from '../../core/records/agents.ts';

interface Seat {
  readonly record: SessionRecord;
  readonly until: number;
}

export class LiveSessions {
  readonly #seats = new Map<string, Seat>();
  readonly #ofAgent = new Map<AgentId, Set<string>>();
  #seen = new Map<AgentId, number>();

  attach(record: SessionRecord, until: number): void {
    this.#unseat(record.id);
    this.#seats.set(record.id, { record, until });
    const ids = this.#ofAgent.get(record.agent) ?? new Set();
    this.#ofAgent.set(record.agent, ids.add(record.id));
    this.saw(record.agent, record.activeAt);
  }

  detach(session: string, now: number): void {
    const seat = this.#unseat(session);
    if (seat !== undefined) this.saw(seat.record.agent, now);
  }

  /** Extends a session; one that has expired already stays gone. */
  keep(session: { id: string; activeAt: number; idle: boolean }, until: number): void {
    const seat = this.#seats.get(session.id);
    if (seat === undefined) return;
    const { activeAt, idle } = session;
    this.#seats.set(session.id, { record: { ...seat.record, activeAt, idle }, until });
    this.saw(seat.record.agent, activeAt);
  }

  /** Lets go of sessions past their time; returns their ids. */
  expire(now: number): readonly string[] {
    const gone = [...this.#seats].filter(([, seat]) => seat.until <= now).map(([id]) => id);
    for (const id of gone) this.#unseat(id);
    return gone;
  }

  forget(agent: AgentId): void {
    for (const id of this.#ofAgent.get(agent) ?? []) this.#seats.delete(id);
    this.#ofAgent.delete(agent);
    this.#seen.delete(agent);
  }

  of(agent: AgentId, now: number): readonly SessionRecord[] {
    const sessions: SessionRecord[] = [];
    for (const id of this.#ofAgent.get(agent) ?? []) {
      const seat = this.#seats.get(id);
      if (seat !== undefined && seat.until > now) sessions.push(seat.record);
    }
    return sessions;
  }

  /** Agents with a session. */
  here(now: number): readonly AgentId[] {
    return [...this.#ofAgent.keys()].filter((agent) => this.of(agent, now).length > 0);
  }

  saw(agent: AgentId, at: number): void {
    if (at > (this.#seen.get(agent) ?? 0)) this.#seen.set(agent, at);
  }

  /** Since `takeSeen`. */
  seenAt(agent: AgentId): number | null {
    return this.#seen.get(agent) ?? null;
  }

  /** What was seen since it was last asked, for the disk. */
  takeSeen(): ReadonlyMap<AgentId, number> {
    const seen = this.#seen;
    this.#seen = new Map();
    return seen;
  }

  #unseat(session: string): Seat | undefined {
    const seat = this.#seats.get(session);
    if (seat === undefined) return undefined;
    this.#seats.delete(session);
    const ids = this.#ofAgent.get(seat.record.agent);
    ids?.delete(session);
    if (ids?.size === 0) this.#ofAgent.delete(seat.record.agent);
    return seat;
  }
}
