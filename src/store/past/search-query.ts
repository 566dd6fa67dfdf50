/** What people type into a search, as the index understands it: words, "phrases", prefix*, OR, -not. */

interface Term {
  readonly text: string;
  readonly prefix: boolean;
  readonly negated: boolean;
  /** OR stood between the term before and this one. */
  readonly alternative: boolean;
}

export interface SearchQuery {
  readonly expression: string;
  /** What was looked for, for the snippet. */
  readonly words: readonly string[];
}

const PIECE = /(-?)(?:"([^"]*)"?|([^\s"]+))/gu;
/** What the index takes for part of a word; a term without any would match nothing. */
const WORDLIKE = /[\p{L}\p{N}\p{Co}]/u;

/** Null: nothing in it can be looked for. Whatever is typed, the index never sees syntax of its own. */
export function parseSearch(text: string): SearchQuery | null {
  const terms = parseTerms(text);
  const wanted = terms.filter(({ negated }) => !negated);
  if (wanted.length === 0) return null;
  const unwanted = terms.filter(({ negated }) => negated);
  const positive = alternatives(wanted)
    .map((group) => `(${group.map(quote).join(' OR ')})`)
    .join(' AND ');
  const negative = unwanted.map(quote).join(' OR ');
  return {
    expression: negative === '' ? positive : `(${positive}) NOT (${negative})`,
    words: wanted.map((term) => term.text),
  };
}

function parseTerms(text: string): readonly Term[] {
  const terms: Term[] = [];
  let alternative = false;
  for (const [, minus, phrase, word] of text.matchAll(PIECE)) {
    if (word === 'OR' && minus === '') {
      alternative = true;
      continue;
    }
    const term = phrase ?? word ?? '';
    const prefix = phrase === undefined && term.endsWith('*');
    if (WORDLIKE.test(term))
      terms.push({ text: term.replace(/\*+$/u, ''), prefix, negated: minus === '-', alternative });
    alternative = false;
  }
  return terms;
}

/** `a b OR c` is a and (b or c), as everywhere on the web. */
function alternatives(terms: readonly Term[]): readonly (readonly Term[])[] {
  const groups: Term[][] = [];
  for (const term of terms) {
    const group = groups.at(-1);
    if (term.alternative && group !== undefined) group.push(term);
    else groups.push([term]);
  }
  return groups;
}

/** A NUL character would end the expression early. */
function quote({ text, prefix }: Term): string {
  const quoted = `"${text.replaceAll('"', '""').replaceAll('\0', ' ')}"`;
  return prefix ? `${quoted}*` : quoted;
}

const BEFORE = 40;
const LENGTH = 160;

/** The surroundings of the first word found, on one line. */
export function snippetOf(body: string, words: readonly string[]): string {
  const lower = body.toLowerCase();
  const hits = words.map((word) => lower.indexOf(word.toLowerCase())).filter((at) => at >= 0);
  const at = hits.length === 0 ? 0 : Math.min(...hits);
  const start = Math.max(0, at - BEFORE);
  const cut = body.slice(start, start + LENGTH).toWellFormed();
  const text = cut.replace(/\s+/gu, ' ').trim();
  return `${start > 0 ? '…' : ''}${text}${start + LENGTH < body.length ? '…' : ''}`;
}
