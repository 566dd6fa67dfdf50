/**
 * What happens at each event of a client's hooks (design §2): what was shown by a door that cannot
 * confirm is looked for first and then `seen`; the rest is handed over, and confirmed once it is with
 * the system. Two programs that run the same hook get it once: a message is leased by one of them.
 */
import type { Delivered } from '../protocol/model.ts';
import type { Operations, Output } from '../protocol/operations.ts';
import { pause } from '../system/clock.ts';
import type { Paths } from '../system/paths.ts';
import { mayHandOver, readAutoCheck, writeAutoCheck } from '../system/auto-check.ts';
import { proofs, transcriptTail, type Looked, type Proof } from './evidence.ts';
import { hookAnswer, takesContext } from './hook-answer.ts';
import type { HookEvent } from './hook-event.ts';
import { fitting, greetingText, handOverText } from './hook-text.ts';
import { queuedLines } from './codex/queue-text.ts';
import { readNotes, writeNotes } from './session-notes.ts';

export interface HookWork {
  readonly operations: Operations;
  readonly paths: Paths;
  readonly name: string;
  /** What the session should know about its name; empty when nothing. */
  readonly note: string;
  readonly reader: string;
  readonly now: number;
  /** Nobody would read it: nothing may be leased. */
  readonly mute: () => boolean;
  /** False: it did not get to whoever reads it. */
  readonly write: (text: string) => Promise<boolean>;
}

/** How much is looked at; what is behind waits for the next event. */
const LOOK_MESSAGES = 20;
const LOOK_BYTES = 131_072;
const PAGE_BYTES = 524_288;
/** Claude Code stops asking hooks after eight in a row, and another hook may have used one. */
const MOST_ROUNDS = 7;
/** Cursor sends five follow-ups at most. */
const MOST_FOLLOW_UPS = 4;
/** How long, and how often, what was written is waited for. */
const FLUSH_LOOKS = 5;
const FLUSH_MS = 80;
/** Two programs that run one hook start within moments. */
const SAME_EVENT_MS = 10_000;

export async function atEvent(event: HookEvent, work: HookWork): Promise<void> {
  switch (event.moment) {
    case 'start':
      return greet(event, work);
    case 'prompt':
      return prompted(event, work);
    case 'tool':
      return worked(event, work);
    case 'stop':
      return stopped(event, work);
    case 'end':
      return;
  }
}

/** Whether this program is the first to greet; to be asked by one at a time. */
export function mustGreet(event: HookEvent, { paths, now }: Pick<HookWork, 'paths' | 'now'>): boolean {
  const notes = readNotes(paths, keyOf(event));
  const { greeted } = notes;
  const same = greeted?.source === event.source && Math.abs(now - greeted.at) < SAME_EVENT_MS;
  if (!same) {
    const fresh = { ...notes, greeted: { source: event.source, at: now }, goneOn: 0 };
    writeNotes(paths, keyOf(event), { notes: fresh, now });
  }
  return !same;
}

async function greet(event: HookEvent, work: HookWork): Promise<void> {
  const { operations, paths, name, note, now } = work;
  // It waits for its person now; after a compaction it goes on with what it did.
  if (event.source !== 'compact') await operations.describe({ activity: 'idle' });
  const [{ messages, remaining }, { agents }] = await Promise.all([look(work), operations.who({})]);
  const handsOver = readAutoCheck(paths, name).mode !== 'never';
  const others = agents.filter((agent) => !agent.you);
  const unread = messages.length + remaining;
  const text = greetingText({ name, note, others, waiting: messages, unread, handsOver, now });
  await work.write(hookAnswer(event, text));
}

async function prompted(event: HookEvent, work: HookWork): Promise<void> {
  const notification = event.prompt.includes('<task-notification>');
  const found = await lookForProof(event, work);
  const queued = queuedLines(event.prompt).length > 0;
  const byUs =
    notification ||
    queued ||
    found.inPrompt ||
    /^(?:A message|\d+ messages) for \S+ through ipc:\n/.test(event.prompt);
  // Before anything is handed over: a chain of answers that a person takes up begins anew.
  await work.operations.describe({ activity: byUs ? 'busy' : 'prompted' });
  await found.confirmed;
  if (notification || !takesContext(event)) return;
  if (readAutoCheck(work.paths, work.name).mode === 'never') return;
  await handOver(event, work, found.unread);
}

async function worked(event: HookEvent, work: HookWork): Promise<void> {
  const { paths, name, now } = work;
  const rule = readAutoCheck(paths, name);
  const found = await lookForProof(event, work);
  await found.confirmed;
  if (!takesContext(event) || !mayHandOver(rule, { working: true, now })) return;
  if (rule.mode === 'every') writeAutoCheck(paths, name, { ...rule, lastAt: now });
  await handOver(event, work, found.unread);
}

async function stopped(event: HookEvent, work: HookWork): Promise<void> {
  const { operations, paths, name, now } = work;
  // Open requests come back to mind with this, as messages.
  await operations.describe({ activity: 'idle' });
  const found = await lookForProof(event, work, FLUSH_LOOKS);
  await found.confirmed;
  if (found.unread.length === 0 || readAutoCheck(paths, name).mode === 'never') return;
  const notes = readNotes(paths, keyOf(event));
  const goneOn = event.goingOn ? (notes.goneOn ?? 0) : 0;
  if (goneOn >= MOST_ROUNDS || event.rounds > MOST_FOLLOW_UPS) return;
  if (!(await handOver(event, work, found.unread))) return;
  writeNotes(paths, keyOf(event), { notes: { ...notes, goneOn: goneOn + 1 }, now });
  await operations.describe({ activity: 'busy' });
}

type Page = Output<'check'>;

function look({ operations, reader }: HookWork): Promise<Page> {
  return operations.check({
    reader,
    door: 'hook',
    peek: true,
    unproven: true,
    limit: LOOK_MESSAGES,
    bytes: LOOK_BYTES,
  });
}

interface Found {
  readonly unread: readonly Delivered[];
  /** The prompt is a text of one of our doors. */
  readonly inPrompt: boolean;
  readonly confirmed: Promise<unknown>;
}

async function lookForProof(event: HookEvent, work: HookWork, looks = 1): Promise<Found> {
  const { messages, unproven = [] } = await look(work);
  if (messages.length === 0 && unproven.length === 0)
    return { unread: [], inPrompt: false, confirmed: Promise.resolve() };
  const { prompt } = event;
  const proven = await provenBy(event, { unread: messages, unproven, looks });
  const inPrompt = prompt !== '' && proofs({ prompt, transcript: '', unread: messages, unproven }).length > 0;
  const doors = [...new Set(proven.map(({ door }) => door))];
  const confirmed = Promise.all(
    doors.map((door) =>
      work.operations.confirm({
        reader: work.reader,
        door,
        stage: 'seen',
        deliveries: proven.filter((each) => each.door === door).map(({ id, attempt }) => ({ id, attempt })),
      }),
    ),
  );
  const seen = new Set(proven.map(({ id }) => id));
  return { unread: messages.filter(({ id }) => !seen.has(id)), inPrompt, confirmed };
}

/** Claude Code writes its transcript a moment behind; nobody waits for a hook when the agent has stopped. */
async function provenBy(
  { prompt, transcript: path }: HookEvent,
  { unread, unproven, looks }: Pick<Looked, 'unread' | 'unproven'> & { looks: number },
): Promise<readonly Proof[]> {
  const awaited = unproven.length + unread.filter(({ offeredBy }) => offeredBy !== undefined).length;
  for (let round = 1; ; round += 1) {
    const transcript = path === undefined ? undefined : transcriptTail(path);
    const proven = proofs({ prompt, transcript: transcript ?? '', unread, unproven });
    if (proven.length >= awaited || round >= looks || transcript === undefined) return proven;
    await pause(FLUSH_MS);
  }
}

/** False: somebody else has them, or nobody reads us. */
async function handOver(event: HookEvent, work: HookWork, unread: readonly Delivered[]): Promise<boolean> {
  const { operations, reader, name, now } = work;
  if (unread.length === 0 || work.mute()) return false;
  const limit = fitting(unread, now);
  const { messages, remaining, peeked } = await operations.check({
    reader,
    door: 'hook',
    limit,
    bytes: PAGE_BYTES,
  });
  if (messages.length === 0 || peeked) return false;
  const { text, shown } = handOverText(messages, { name, remaining, now });
  if (!(await work.write(hookAnswer(event, text)))) return false;
  await operations.confirm({
    reader,
    door: 'hook',
    stage: 'handed',
    deliveries: shown.map(({ id, attempt }) => ({ id, attempt })),
  });
  return true;
}

function keyOf({ client, session }: HookEvent): string {
  return `${client} ${session}`;
}
