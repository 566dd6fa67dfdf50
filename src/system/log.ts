/**
 * The daemon's log: one line an event, `time event key=value …`, put aside by size. It holds ids,
 * names, counts and failures; bodies and secrets never: what could carry one is struck out by name.
 */
import { closeSync, fstatSync, renameSync, writeSync } from 'node:fs';
import { openToAppend, removeIfThere } from './files.ts';

export type LogFacts = Readonly<Record<string, unknown>>;
export type Log = (event: string, facts?: LogFacts) => void;

const STRUCK = /^(body|key|credential|secret|proof|nonce|password|token|data|text|message_body)$/i;
const LONGEST_VALUE = 2_000;

export interface LogFile {
  readonly write: Log;
  /** Takes new limits at once; an open file stays open. */
  limit(limits: LogLimits): void;
  close(): void;
}

export interface LogLimits {
  readonly maxBytes: number;
  readonly files: number;
}

export function openLog(path: string, first: LogLimits, now: () => number): LogFile {
  let limits = first;
  // Undefined: it could not be opened anew. Never the number of a closed file: by then it may be another one's.
  let file: number | undefined = openToAppend(path);
  let size = fstatSync(file).size;

  const open = (): number => {
    file ??= openToAppend(path);
    return file;
  };
  const close = (): void => {
    const closing = file;
    file = undefined;
    if (closing !== undefined) closeSync(closing);
  };
  const putAside = (): void => {
    close();
    removeIfThere(`${path}.${limits.files}`);
    for (let number = limits.files - 1; number >= 1; number -= 1)
      renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
    renameIfThere(path, `${path}.1`);
    size = 0;
  };

  return {
    write: (event, facts = {}) => {
      const line = logLine(now(), event, facts);
      const bytes = Buffer.byteLength(line);
      try {
        if (size > 0 && size + bytes > limits.maxBytes) putAside();
        writeSync(open(), line);
        size += bytes;
      } catch {
        // A full disk must stop the log, not the daemon that would say so through it.
      }
    },
    limit: (next) => {
      limits = next;
    },
    close,
  };
}

export function logLine(at: number, event: string, facts: LogFacts): string {
  const words = Object.entries(facts).map(
    ([key, value]) => `${key}=${STRUCK.test(key) ? '(struck)' : show(value)}`,
  );
  return `${[new Date(at).toISOString(), event, ...words].join(' ')}\n`;
}

function show(value: unknown): string {
  const text =
    value instanceof Error
      ? (value.stack ?? String(value))
      : typeof value === 'string'
        ? value
        : JSON.stringify(value);
  const short = text === undefined ? 'undefined' : text.slice(0, LONGEST_VALUE);
  // Quoted unless plain, so that a line is always one line and no value can forge another.
  return /^[\w.,:/@#+-]+$/.test(short) ? short : JSON.stringify(short);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Fewer files than allowed yet.
  }
}
