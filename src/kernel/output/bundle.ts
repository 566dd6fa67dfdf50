/** A MIME bundle as one text and its images: what a kernel offers in five forms is shown once. */
import type { Facts } from '../message.ts';
import { plainText } from './plain.ts';

export interface Image {
  readonly mime: string;
  readonly bytes: Uint8Array;
}

export interface Bundle {
  readonly mime: string;
  readonly text: string;
  readonly images: readonly Image[];
}

const imageTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/svg+xml'] as const;
/** After the plain text, which is nearly always there. */
const textTypes = [
  'text/markdown',
  'text/latex',
  'application/json',
  'text/html',
  'application/javascript',
] as const;
/** `<IPython.core.display.Markdown object>`: a plain text that says only that there is a better one. */
const EMPTY = /^<[\w.]+ object(?: at 0x[0-9a-f]+)?>$/;

export function bundleOf(data: Facts): Bundle {
  const images = imageTypes.flatMap((mime) => imageIn(data, mime));
  const forModels = textIn(data, 'text/llm+plain');
  if (forModels !== undefined) return { mime: 'text/llm+plain', text: plainText(forModels), images };
  const plain = textIn(data, 'text/plain');
  if (plain !== undefined && !EMPTY.test(plain))
    return { mime: 'text/plain', text: plainText(plain), images };
  for (const mime of textTypes) {
    const found = textIn(data, mime);
    if (found === undefined) continue;
    return { mime, text: plainText(mime === 'text/html' ? withoutTags(found) : found), images };
  }
  const [other = ''] = Object.keys(data).filter((mime) => !imageTypes.some((each) => each === mime));
  if (plain !== undefined) return { mime: 'text/plain', text: plainText(plain), images };
  return { mime: other, text: other === '' ? '' : `(${other})`, images };
}

function textIn(data: Facts, mime: string): string | undefined {
  const value = data[mime];
  if (typeof value === 'string') return value;
  // The notebook format's lines, which some kernels send.
  if (isLines(value) && mime !== 'application/json') return value.join('');
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}

function isLines(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((line) => typeof line === 'string');
}

function imageIn(data: Facts, mime: string): readonly Image[] {
  const text = textIn(data, mime);
  if (text === undefined) return [];
  const bytes = mime === 'image/svg+xml' ? Buffer.from(text) : Buffer.from(text, 'base64');
  return bytes.length === 0 ? [] : [{ mime, bytes }];
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  '#39': "'",
};

/** In one pass: a kernel may send megabytes of `<` that nothing closes. */
function withoutTags(html: string): string {
  const endless = new Set<string>();
  let kept = '';
  let at = 0;
  for (let open = html.indexOf('<'); open >= 0; open = html.indexOf('<', at)) {
    const close = html.indexOf('>', open);
    if (close < 0) break;
    const [, name = ''] = /^<(\/?[a-z][a-z0-9]*)/i.exec(html.slice(open, Math.min(close, open + 12))) ?? [];
    kept += html.slice(at, open) + stoodFor(name.toLowerCase());
    at = close + 1;
    if (!HIDDEN.test(name) || endless.has(name.toLowerCase())) continue;
    const end = endOf(name, html, at);
    // What no end tag follows is shown, and is not looked for again.
    if (end === undefined) endless.add(name.toLowerCase());
    else at = end;
  }
  const text = kept + html.slice(at);
  const lines = text
    .replaceAll(/&(#39|[a-z]+);/g, (whole, name: string) => entities[name] ?? whole)
    .split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

const HIDDEN = /^(?:script|style)$/i;

function stoodFor(name: string): string {
  if (/^(?:br|\/p|\/div|\/tr|\/li|\/h\d)$/.test(name)) return '\n';
  return name === '/td' || name === '/th' ? '\t' : '';
}

/** Behind the end tag; undefined: there is none. */
function endOf(name: string, html: string, from: number): number | undefined {
  const end = new RegExp(`</${name}\\s*>`, 'gi');
  end.lastIndex = from;
  return end.test(html) ? end.lastIndex : undefined;
}
