/**
 * Fetch, print, flush, confirm: in that order, so that a message counts as handed only when it is with
 * the system. A crash in between costs a repeat marked `again`, never a message (design §2).
 */
import { Failure } from '../protocol/failures.ts';
import { SHOWN_BYTES } from '../present/excerpt.ts';
import { failureLine, jsonLine } from '../present/json.ts';
import { deliveredText } from '../present/person.ts';
import type { Input, Output } from '../protocol/operations.ts';
import type { Call } from './call.ts';
import type { Session } from './session.ts';

type Page = Output<'check'>;

/** An answer must fit into one frame of the wire; the operation allows this much. */
const PAGE_BYTES = 524_288;
const PAGE_MESSAGES = 1_000;

export async function handOver(
  call: Call,
  session: Session,
  { input, signal }: { input: Partial<Input<'check'>>; signal: AbortSignal | undefined },
): Promise<{ readonly shown: number; readonly failure?: Failure }> {
  // Before anything is leased: what nobody can see must stay unread.
  if (call.output.absent())
    throw new Failure('cannot_create', 'wanted somewhere to print the messages, found stdout closed', {
      hint: 'ipc check',
    });
  const everything = call.values.on('all');
  const limit = input.limit ?? Number.POSITIVE_INFINITY;
  const { wait, ...query } = input;
  const fetch = (shown: number, after?: string): Promise<Page> =>
    session.operations.check(
      {
        ...query,
        reader: session.reader,
        ...(everything ? { bytes: PAGE_BYTES, limit: Math.min(limit - shown, PAGE_MESSAGES) } : {}),
        ...(wait === undefined || shown > 0 ? {} : { wait }),
        ...(after === undefined ? {} : { after }),
      },
      signal === undefined ? {} : { signal },
    );
  const printer = call.json
    ? jsonPages(call)
    : await textPages(call, session, everything ? 'whole' : 'bounded');
  let fetched = await fetch(0);
  let shown = 0;
  for (;;) {
    const count = fetched.messages.length;
    // A peek leaves all of it unread, so the daemon counts what earlier pages showed.
    const remaining = fetched.peeked ? Math.max(0, fetched.remaining - shown) : fetched.remaining;
    const page = { ...fetched, remaining };
    shown += count;
    const last = !everything || count === 0 || remaining === 0 || shown >= limit;
    if (!(await printer.page(page, { last }))) return { shown };
    const confirmed = confirm(call, session, page);
    // The confirmation leaves first and in the same write: what it names is not fetched again, and one
    // transaction of the daemon does both.
    const next = last ? undefined : fetch(shown, page.peeked ? page.next : undefined);
    try {
      const [following] = await Promise.all([next, confirmed]);
      if (following === undefined) return { shown };
      fetched = following;
    } catch (failure) {
      if (last || !(failure instanceof Failure) || !(await printer.broken(failure))) throw failure;
      return { shown, failure };
    }
  }
}

interface Printer {
  /** False: nobody reads any more, and nothing may be confirmed. */
  page(page: Page, place: { last: boolean }): Promise<boolean>;
  /** No further page comes. True: said in what was begun, to be said nowhere else. */
  broken(failure: Failure): Promise<boolean>;
}

async function textPages(call: Call, session: Session, bodies: 'whole' | 'bounded'): Promise<Printer> {
  const { output } = call;
  const model = call.values.text('format') === 'model' ? await import('../present/model.ts') : undefined;
  let before = 0;
  return {
    page: async (page, { last }) => {
      const look = bodies === 'whole' ? call.look() : { ...call.look(), bodyBytes: SHOWN_BYTES };
      const text =
        model === undefined
          ? page.messages.map((message) => deliveredText(message, look)).join('\n')
          : model.forModel(page.messages, look);
      const gap = before > 0 && text !== '' ? '\n' : '';
      before += page.messages.length;
      const rest = last ? restText(call, session, page) : '';
      if (before === 0 && last) sayNothing(call, page);
      if (page.peeked && !call.values.on('peek') && last && before > 0)
        await output.warn(
          `only looked: a live session holds this name; ${asSame(call, 'ipc check --take')} marks them handed`,
        );
      return output.write(gap + text + (rest !== '' && before > 0 ? `\n${rest}` : rest));
    },
    broken: async () => false,
  };
}

/** One object over however many pages, as one line: `{"messages":[…],"remaining":0,…}`, or `…],"error":{…}}`. */
function jsonPages({ output }: Call): Printer {
  let begun = false;
  return {
    page: ({ messages, ...facts }, { last }) => {
      const items = jsonLine(messages).slice(1, -2);
      const head = begun ? (items === '' ? '' : ',') : '{"messages":[';
      begun = true;
      return output.write(`${head}${items}${last ? `],${jsonLine(facts).slice(1)}` : ''}`);
    },
    // What was printed counts as handed: whoever reads it must be able to.
    broken: (failure) => output.write(`],${failureLine(failure.body()).slice(1)}`),
  };
}

/** What is left, each line with a command that whoever reads it may run. */
function restText(call: Call, session: Session, page: Page): string {
  const { remaining, held, pausedUntil } = page;
  // What came before the pause counts as remaining, what came after it as held; both wait behind it.
  if (pausedUntil !== undefined) {
    const waiting = remaining + held;
    return waiting === 0 ? '' : `${waiting} waiting behind a pause: ${asSame(call, 'ipc pause --off')}\n`;
  }
  const lines: string[] = [];
  if (remaining > 0) lines.push(`${remaining} more: ${asSame(call, 'ipc check')}`);
  if (held > 0) lines.push(heldLine(call, session, held));
  return lines.map((line) => `${line}\n`).join('');
}

/** Only people release; anybody may lift a mute of his own. */
function heldLine(call: Call, { identity }: Session, held: number): string {
  if (identity.kind !== 'human')
    return `${held} held: ${asSame(call, 'ipc mute NAME --off')} lifts a mute; the rest waits for a person`;
  return `${held} held: ipc release${call.as === undefined ? '' : ` ${call.as}`} lets them through`;
}

function asSame({ as }: Call, command: string): string {
  return as === undefined ? command : `${command} --as ${as}`;
}

function sayNothing({ output, values }: Call, { peeked, pausedUntil, remaining, held }: Page): void {
  if (pausedUntil !== undefined && remaining + held > 0) return;
  const why = peeked && !values.on('peek') ? ' (only looked: a live session holds this name)' : '';
  output.say(`nothing new${why}`);
}

async function confirm({ output }: Call, session: Session, { messages, peeked }: Page): Promise<void> {
  if (peeked || messages.length === 0) return;
  const { lost } = await session.operations.confirm({
    reader: session.reader,
    door: 'cli',
    stage: 'handed',
    deliveries: messages.map(({ id, attempt }) => ({ id, attempt })),
  });
  if (lost.length > 0)
    await output.warn(`${lost.length} of these took too long to print and will come again`);
}
