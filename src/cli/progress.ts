/** A bar on stderr for what takes long, on a terminal only, and only once it has taken a while. */
import { visibleLine } from '../present/escape.ts';
import { formatBytes } from '../present/excerpt.ts';
import { writeError } from '../system/output.ts';
import type { Output } from './output.ts';

const WIDTH = 24;
const EVERY_MS = 80;
/** Shorter work is over before a bar could be read. */
const PATIENCE_MS = 200;

export interface Progress extends Disposable {
  readonly step: (done: number, whole: number | undefined) => void;
}

export function progressBar(output: Output, what: string): Progress {
  if (output.quiet || !output.terminal.error())
    return { step: () => undefined, [Symbol.dispose]: () => undefined };
  const name = visibleLine(what);
  const start = performance.now();
  let shownAt = start + PATIENCE_MS - EVERY_MS;
  let shown = false;
  return {
    step: (done, whole) => {
      const now = performance.now();
      if (now - shownAt < EVERY_MS) return;
      shownAt = now;
      shown = true;
      writeError(`\r\x1b[K${barText(name, done, whole)}`);
    },
    [Symbol.dispose]: () => {
      if (shown) writeError('\r\x1b[K');
    },
  };
}

export function barText(name: string, done: number, whole: number | undefined): string {
  if (whole === undefined || whole === 0) return `${name} ${formatBytes(done)}`;
  const part = Math.min(1, done / whole);
  const filled = Math.round(part * WIDTH);
  const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
  return `${name} [${bar}] ${Math.floor(part * 100)}% of ${formatBytes(whole)}`;
}
