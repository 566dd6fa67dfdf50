/** `ipc daemon logs`: the end of the daemon's log, and what is added to it. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { visible } from '../../present/escape.ts';
import { readIfThere } from '../../system/files.ts';
import { pause } from '../../system/clock.ts';
import type { Call } from '../call.ts';
import { interruptible } from '../interrupt.ts';
import type { Verb } from '../verb.ts';

const LINES = 50;
const LOOK_MS = 150;

export const logs: Verb = {
  spec: {
    name: 'daemon logs',
    summary: "The end of the daemon's log",
    usage: '',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [
      { name: 'follow', field: 'follow', kind: 'switch', short: 'f', help: 'go on with what is added' },
      {
        name: 'lines',
        field: 'lines',
        kind: 'integer',
        short: 'n',
        hint: 'n',
        help: 'the last so many',
        initial: '50',
        min: 0,
      },
    ],
    examples: [['ipc daemon logs -f -n 100', 'Ctrl-C ends it']],
    notes: 'It holds ids, names and failures, never a text or a secret.',
    operations: {},
  },
  run: async (call: Call) => {
    const { log } = call.world.paths;
    const whole = readIfThere(log) ?? '';
    const wanted = call.values.number('lines') ?? LINES;
    const lines = whole.trimEnd().split('\n');
    const last = wanted === 0 || whole === '' ? [] : lines.slice(-wanted);
    if (call.json) await call.print({ path: log, lines: last }, () => '');
    else await call.output.write(last.map((line) => `${visible(line)}\n`).join(''));
    if (!call.values.on('follow')) return 0;
    return follow(call, { path: log, from: Buffer.byteLength(whole) });
  },
};

async function follow(call: Call, { path, from }: { path: string; from: number }): Promise<number> {
  using interrupt = interruptible();
  let at = from;
  while (!interrupt.signal.aborted) {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    // Smaller than before: the log was put aside and a new one begun.
    if (size < at) at = 0;
    if (size > at) {
      if (!(await call.output.write(visible(part(path, at, size))))) return 0;
      at = size;
    }
    await pause(LOOK_MS);
  }
  return 130;
}

function part(path: string, from: number, to: number): string {
  const bytes = Buffer.alloc(to - from);
  const file = openSync(path, 'r');
  try {
    const read = readSync(file, bytes, 0, bytes.length, from);
    return bytes.subarray(0, read).toString();
  } finally {
    closeSync(file);
  }
}
