/** Who is told of what a repair could not save: each of those whose messages were lost or altered, by one notice. */
import type { AgentId } from '../../core/records/agents.ts';
import type { RepairReport } from '../../protocol/repair.ts';
import { LiveSessions } from '../agents/live-sessions.ts';
import { openCommitter } from '../engine/commit.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import { openSequence } from '../engine/sequence.ts';
import { SteadyTime } from '../engine/steady-time.ts';
import { Filing } from '../mailbox/filing.ts';
import { notify } from '../mailbox/notices.ts';
import type { LostMessage } from './losses.ts';

const NAME = 'SELECT name FROM agent WHERE id = ?1';
const SENDER = 'SELECT sender FROM message WHERE seq = ?1';
const RECIPIENTS = 'SELECT agent FROM delivery WHERE message = ?1';
const EVERYBODY = `SELECT id FROM agent WHERE name_key IS NOT NULL AND kind IN ('human', 'agent') LIMIT 1000`;
const SHOWN = 10;

export interface Losses {
  readonly lost: readonly LostMessage[];
  readonly altered: readonly { seq: number; id: string }[];
  /** Numbers given out beyond all that was found. */
  readonly numbers: number;
  /** By agent, how many unread ones its mailbox counted that nothing else tells of. */
  readonly unread: ReadonlyMap<number, number>;
}

export interface Told {
  readonly lost: Omit<RepairReport['lost'], 'places'>;
  /** The greatest number, those of the notices among them. */
  readonly newest: number;
}

interface Telling {
  /** The same id for the same words. */
  readonly idOf: (...words: readonly string[]) => string;
  readonly now: number;
}

/** Writes to all whose messages were lost or altered what became of them; returns what the repair is to say of it. */
export function tell(sql: Sql, found: Losses, parts: Telling): Told {
  const sequence = openSequence(sql);
  const filing = new Filing(sql, sequence);
  const commits = openCommitter(sql, { inspect: () => {}, beforeCommit: () => {} });
  const engine: Engine = {
    sql,
    commits,
    sequence,
    filing,
    presence: new LiveSessions(),
    time: new SteadyTime(sql),
  };
  const nameOf = (id: number | null): string | null =>
    id === null ? null : (sql.get<{ name: string }>(NAME, id)?.name ?? null);
  const notes = found.lost.map(({ id, sender, recipients }) => ({
    id,
    from: nameOf(sender),
    to: recipients.flatMap((agent) => nameOf(agent) ?? []),
  }));
  const told = new Map<number, Set<string>>();
  const tellOf = (agent: number | null, line: string): void => {
    if (agent === null) return;
    told.set(agent, (told.get(agent) ?? new Set()).add(line));
  };
  for (const [nth, { sender, recipients }] of found.lost.entries()) {
    const { id, from, to } = notes[nth] ?? { id: null, from: null, to: [] };
    const line = `${id ?? 'a message whose id is lost'}, from ${from ?? 'somebody'} to ${to.join(', ') || 'somebody'}: lost`;
    for (const agent of [sender, ...recipients]) tellOf(agent, line);
  }
  for (const { seq, id } of found.altered) {
    const sender = sql.get<{ sender: number }>(SENDER, seq)?.sender ?? null;
    const recipients = sql.all<{ agent: number }>(RECIPIENTS, seq).map(({ agent }) => agent);
    for (const agent of [sender, ...recipients]) tellOf(agent, `${id}: not as it was sent`);
  }
  for (const [agent, count] of found.unread)
    tellOf(agent, `${count} unread messages to you: lost, nothing tells which`);
  if (found.numbers > 0) {
    const line = `up to ${found.numbers} of the newest messages and deliveries: lost, nobody knows which`;
    for (const { id } of sql.all<{ id: number }>(EVERYBODY)) tellOf(id, line);
  }
  sql.run('BEGIN');
  for (const [agent, lines] of told) {
    const text = { id: parts.idOf('repair', String(parts.now), String(agent)), body: noticeOf([...lines]) };
    notify(engine, { text, to: [agent as AgentId], thread: null, now: parts.now });
  }
  filing.file();
  sequence.save();
  sql.run('COMMIT');
  return {
    lost: {
      messages: notes.length,
      some: notes.slice(0, SHOWN),
      numbers: found.numbers,
      unread: [...found.unread.values()].reduce((sum, count) => sum + count, 0),
    },
    newest: sequence.newestRow(),
  };
}

function noticeOf(lines: readonly string[]): string {
  const more = lines.length > SHOWN ? [`and ${lines.length - SHOWN} more`] : [];
  const listed = [...lines.slice(0, SHOWN), ...more].map((line) => `- ${line}`);
  return ['The store was damaged and has been repaired. Of yours, sent or received:', ...listed].join('\n');
}
