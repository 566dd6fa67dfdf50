/** A MIME bundle as one text and its images: what a kernel offers in five forms is shown once. */
import { type Facts, list } from '../message.ts';
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
  if (Array.isArray(value) && mime !== 'application/json') return list(value).map(String).join('');
  return value === undefined || value === null ? undefined : JSON.stringify(value);
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

function withoutTags(html: string): string {
  return html
    .replaceAll(/<(script|style)\b[^]*?<\/\1\s*>/gi, '')
    .replaceAll(/<(?:br|\/p|\/div|\/tr|\/li|\/h\d)\b[^>]*>/gi, '\n')
    .replaceAll(/<\/t[dh]\s*>/gi, '\t')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(#39|[a-z]+);/g, (whole, name: string) => entities[name] ?? whole)
    .replaceAll(/[ \t]*\n\s*/g, '\n')
    .trim();
}
