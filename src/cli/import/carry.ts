/** From one file to the daemon, some hundred messages at a time; what was taken over before stays there. */
import type { Input } from '../../protocol/operations.ts';
import type { MessageId } from '../../protocol/model.ts';
import type { AgentName } from '../../protocol/names.ts';
import { numberThatChanges } from '../../protocol/json-numbers.ts';
import { derivedId } from '../../system/ids.ts';
import { textContent } from '../content.ts';
import type { Session } from '../session.ts';
import { whole } from '../stdin.ts';
import type { ForeignMessage, Remark } from './foreign.ts';
import type { NameMap } from './names.ts';
import { foreignFault, type OpenForeign } from './open-foreign.ts';

type Wire = Input<'store.import'>['messages'][number];

/** What was found in one file and what became of it. */
export interface Carried {
  messages: number;
  /** Under --dry-run: what would be. */
  added: number;
  known: number;
  /** Rows that are no messages. */
  left: number;
  readonly unread: Map<AgentName, number>;
  readonly remarks: Map<Remark, number>;
  readonly refused: Set<string>;
}

export interface Carriage {
  readonly file: string;
  readonly session: Session;
  readonly names: NameMap;
  readonly dryRun: boolean;
  readonly now: number;
  /** Told the bytes of text read so far. */
  readonly step: (bytes: number) => void;
  readonly signal: AbortSignal;
}

const BATCH = 200;
/** A frame takes 1 MiB, and what follows adds to it. */
const BATCH_BYTES = 393_216;
/** Longer data goes as a file; JSON's escapes may make six bytes of one. */
const DATA_CHARACTERS = 32_768;
/** Below what a frame may nest (rpc/frames.ts). */
const DATA_DEPTH = 48;

interface Ready {
  readonly id: MessageId;
  readonly message: ForeignMessage;
  readonly sentAt: number;
}

export async function carry({ system, foreign }: OpenForeign, carriage: Carriage): Promise<Carried> {
  const { file, now, step, signal } = carriage;
  const done: Carried = {
    messages: 0,
    added: 0,
    known: 0,
    left: 0,
    unread: new Map(),
    remarks: new Map(),
    refused: new Set(),
  };
  let waiting: Ready[] = [];
  let bytes = 0;
  let held = 0;
  // What comes before the first that says when.
  let clock: number | undefined;
  try {
    for await (const message of foreign.messages()) {
      signal.throwIfAborted();
      if (message === undefined) {
        done.left += 1;
        continue;
      }
      done.messages += 1;
      clock = message.sentAt ?? clock;
      const id = derivedId('import', system, ...message.identity) as MessageId;
      waiting.push({ id, message, sentAt: clock ?? now });
      held += message.body.length;
      bytes += message.body.length;
      if (waiting.length < BATCH && held < BATCH_BYTES) continue;
      await hand(system, waiting, { carriage, done });
      waiting = [];
      held = 0;
      step(bytes);
    }
  } catch (error) {
    throw foreignFault(file, error);
  }
  await hand(system, waiting, { carriage, done });
  return done;
}

interface Handing {
  readonly carriage: Carriage;
  readonly done: Carried;
}

async function hand(
  system: OpenForeign['system'],
  waiting: readonly Ready[],
  { carriage, done }: Handing,
): Promise<void> {
  if (waiting.length === 0) return;
  const { session, names, dryRun } = carriage;
  const ids = waiting.map(({ id }) => id);
  const known = new Set((await session.operations['store.imported']({ ids })).known);
  const fresh = waiting.filter(({ id }) => !known.has(id));
  done.known += waiting.length - fresh.length;
  let batch: Wire[] = [];
  let size = 0;
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const {
      added,
      known: meanwhile,
      refused,
    } = await session.operations['store.import']({
      from: system,
      messages: batch,
    });
    done.added += added;
    done.known += meanwhile;
    for (const name of refused) done.refused.add(name);
    batch = [];
    size = 0;
  };
  for (const ready of fresh) {
    for (const remark of remarksOf(ready.message)) count(done.remarks, remark);
    if (!ready.message.read) count(done.unread, names.of(ready.message.to));
    if (dryRun) {
      done.added += 1;
      continue;
    }
    const wire = await wireOf(ready, carriage);
    const length = Buffer.byteLength(JSON.stringify(wire));
    if (size + length > BATCH_BYTES) await send();
    batch.push(wire);
    size += length;
  }
  await send();
}

function count<T>(counts: Map<T, number>, key: T): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

async function wireOf({ id, message, sentAt }: Ready, { session, names }: Carriage): Promise<Wire> {
  const { read, readAt, body, data } = message;
  return {
    id,
    sender: names.of(message.sender),
    to: names.of(message.to),
    sentAt: new Date(sentAt).toISOString(),
    read,
    ...(readAt === undefined ? {} : { readAt: new Date(readAt).toISOString() }),
    ...(await textContent(body, session)),
    ...(data === undefined ? {} : await payload(data, session)),
  };
}

function remarksOf({ remarks, data }: ForeignMessage): readonly Remark[] {
  return data === undefined || jsonOf(data) !== undefined ? remarks : [...remarks, 'data'];
}

/** As data where that says the same; what is too long for it as a file. */
async function payload(data: string, { paths }: Session): Promise<Pick<Wire, 'data' | 'attachments'>> {
  const json = jsonOf(data);
  if (json !== undefined) return { data: json as NonNullable<Wire['data']> };
  if (data.length <= DATA_CHARACTERS) return { data };
  const { stageStream } = await import('../../system/staging.ts');
  const staged = await stageStream(paths, whole([new TextEncoder().encode(data)]));
  return { attachments: [{ ...staged, type: 'application/json', name: 'data.json', role: 'file' }] };
}

/** Undefined: no JSON, or not the same once it is read. */
function jsonOf(text: string): unknown {
  if (text.length > DATA_CHARACTERS || depthOf(text) > DATA_DEPTH || !text.isWellFormed()) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return numberThatChanges(text) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Brackets in strings count too: it is a bound. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, (depth += 1));
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}
