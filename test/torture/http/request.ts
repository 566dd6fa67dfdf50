/** Requests as bytes, and the strange words that go into their lines. */
import type { Chance } from '../chance.ts';

export type Headers = readonly (readonly [name: string, value: string])[];

interface Parts {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Headers;
  readonly body?: string | Uint8Array;
}

export const JSON_TYPE = ['content-type', 'application/json'] as const;

/** A request as it should be, of whatever is put into it. */
export function request({ method = 'POST', path, headers = [], body }: Parts): Buffer {
  const content = Buffer.from(body ?? '');
  const named = new Set(headers.map(([name]) => name.toLowerCase()));
  const all: Headers = [
    ...(named.has('host') ? [] : [['host', 'localhost'] as const]),
    ...headers,
    ...(body === undefined || named.has('content-length')
      ? []
      : [['content-length', String(content.length)] as const]),
  ];
  const head = all.map(([name, text]) => `${name}: ${text}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), content]);
}

/** Bytes of a header or of the first line: what would end it stays out, so that the rest is what is tried. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, '');
}

export function encoded(random: Chance, text: string): string {
  const safe = encodeURIComponent(text.toWellFormed());
  return random.pick([
    () => safe,
    () => safe.replaceAll('%', '%%'),
    () => oneLine(text).replaceAll(' ', '+'),
  ])();
}
