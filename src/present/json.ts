/** `--json`: one value on one line, safe to show on a terminal, the same value when parsed. */
import type { FailureBody } from '../protocol/failures.ts';
import { visibleJson } from './escape.ts';

export function jsonLine(value: unknown): string {
  // A newline can stand only inside a string, where JSON.stringify writes it as \n.
  return `${visibleJson(JSON.stringify(value ?? null))}\n`;
}

export function failureLine(failure: FailureBody): string {
  return jsonLine({ error: failure });
}
