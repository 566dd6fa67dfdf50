/**
 * A process that says so many hostile frames to a daemon, on several connections at once, and prints one
 * JSON line: what it was answered, and what it should not have been. Its argument: a `FuzzOrder` as JSON.
 */
import { chance as chanceOf, type Chance } from '../chance.ts';
import { Arsenal, type Shot } from './fuzz-frames.ts';
import type { Cast } from './fuzz-values.ts';

export interface FuzzOrder {
  readonly socket: string;
  readonly seed: number;
  readonly frames: number;
  readonly cast: Cast;
}

export interface FuzzReport {
  frames: number;
  bytes: number;
  conversations: number;
  hungUp: number;
  /** Of every answer: `ok`, or the failure's code. */
  readonly answers: Record<string, number>;
  readonly defects: string[];
}

interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: { readonly agent?: unknown };
  readonly error?: { readonly data?: { readonly code?: string } };
}

const AT_ONCE = 8;
/** A daemon that is silent for so long has forgotten to answer. */
const PATIENCE_MS = 30_000;

const order = JSON.parse(process.argv[2] ?? '{}') as FuzzOrder;
const report: FuzzReport = { frames: 0, bytes: 0, conversations: 0, hungUp: 0, answers: {}, defects: [] };

await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (report.frames < order.frames) {
      report.conversations += 1;
      await converse(chanceOf(order.seed * 1_000_003 + report.conversations));
    }
  }),
);
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);

async function converse(chance: Chance): Promise<void> {
  const arsenal = new Arsenal(chance, order.cast);
  const reads = chance.below(10) > 0;
  const sent: Shot[] = [];
  const answered = new Map<unknown, number>();
  const over = Promise.withResolvers<'closed'>();
  let closed = false;
  let stuck = false;
  let rest = '';
  let heard = Promise.withResolvers<void>();
  let drained = Promise.withResolvers<void>();

  const defect = (what: string, line: string): void => {
    const tail = sent.slice(-8).map(({ bytes }) => Buffer.from(bytes).toString().slice(0, 400));
    if (report.defects.length < 20)
      report.defects.push(`${what}: ${line.slice(0, 400)} after ${tail.join('')}`);
  };
  const take = (line: string): void => {
    const { id, method, result, error } = JSON.parse(line) as Answer;
    if (method !== undefined) return;
    const code = error === undefined ? 'ok' : (error.data?.code ?? 'none');
    report.answers[code] = (report.answers[code] ?? 0) + 1;
    const count = (answered.get(id) ?? 0) + 1;
    answered.set(id, count);
    if (code === 'internal' || code === 'none') defect('an answer that blames the daemon', line);
    if (count > 1 && sent.filter((shot) => shot.id === id).length === 1 && typeof id === 'number' && id > 1)
      if (!mayRepeat(id)) defect('answered twice', line);
    if (order.cast.others.includes(String(result?.agent))) defect('let in under the name of another', line);
  };
  /** Spoiled frames name ids of others' too. */
  const mayRepeat = (id: number): boolean =>
    sent.some((shot) => shot.id !== id && Buffer.from(shot.bytes).includes(`"id":${id},`));

  const socket = await Bun.connect({
    unix: order.socket,
    socket: {
      open: (opened) => {
        if (!reads) opened.pause();
      },
      data: (_socket, chunk) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) take(line);
        heard.resolve();
      },
      drain: () => drained.resolve(),
      close: () => {
        closed = true;
        over.resolve('closed');
        drained.resolve();
        heard.resolve();
      },
      error: () => undefined,
      connectError: () => undefined,
    },
  });
  const write = async (shot: Shot): Promise<void> => {
    sent.push(shot);
    report.frames += 1;
    report.bytes += shot.bytes.length;
    let left = shot.bytes;
    // Cut in two at any byte, each a write of its own.
    const cut = chance.below(6) === 0 ? chance.below(left.length) : 0;
    if (cut > 0) left = left.subarray(Math.max(0, socket.write(left.subarray(0, cut))));
    while (left.length > 0 && !closed) {
      left = left.subarray(Math.max(0, socket.write(left)));
      if (left.length === 0) return;
      // Who does not read is not read from for ever.
      if (await isLate(Promise.race([drained.promise, over.promise]), reads ? PATIENCE_MS : 100)) {
        stuck = true;
        break;
      }
      drained = Promise.withResolvers();
    }
    if (stuck && reads) defect('not read from any more', '');
  };

  if (chance.below(20) > 0) await write(arsenal.hello());
  for (let shots = 5 + chance.below(60); shots > 0 && !closed && !stuck; shots -= 1) {
    await write(arsenal.shot());
    // What was said so far is heard, and what came of it, before more is said; or not.
    if (chance.below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (let shots = chance.below(4); shots > 0 && !closed && !stuck; shots -= 1)
    await write(arsenal.garbage());
  const last = arsenal.last();
  if (reads && !closed && !stuck && chance.below(4) > 0) {
    await write(last);
    while (!closed && !answered.has(last.id)) {
      heard = Promise.withResolvers();
      if (await isLate(heard.promise, PATIENCE_MS)) {
        defect('no answer and no end', rest);
        break;
      }
    }
  }
  if (closed) report.hungUp += 1;
  else if (chance.below(2) === 0) socket.terminate();
  else socket.end();
}

async function isLate(event: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const timer = Promise.withResolvers<'late'>();
  const ringing = setTimeout(() => timer.resolve('late'), milliseconds);
  const first = await Promise.race([event, timer.promise]);
  clearTimeout(ringing);
  return first === 'late';
}
