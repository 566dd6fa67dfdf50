/**
 * Who a message can be addressed to: agent names, `#topics`, `@all` (design §5). Plain code without
 * zod, because the cold path of the CLI reads names too.
 */
import { Failure } from './failures.ts';

declare const brand: unique symbol;
/** 1–64 of `[A-Za-z0-9._-]`, starting with a letter or digit; compared without case. */
export type AgentName = string & { readonly [brand]: 'AgentName' };

export type Address =
  | { readonly kind: 'agent'; readonly name: AgentName }
  | { readonly kind: 'topic'; readonly name: AgentName }
  | { readonly kind: 'all' };

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RESERVED = new Set(['all', 'system', 'me']);

export const NAME_RULE =
  '1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit';

/** The form in which two names are the same name. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

export function isName(text: string): text is AgentName {
  // `$` would let a trailing newline through (defect D14 of system 000), but JavaScript's `$`
  // without the m flag is the end of the string and nothing else.
  return NAME.test(text);
}

export function isReserved(name: string): boolean {
  const key = nameKey(name);
  return RESERVED.has(key) || key.startsWith('ipc');
}

/** A name somebody may take for themselves. Throws `invalid_name`. */
export function parseOwnName(text: string): AgentName {
  const name = text.startsWith('@') ? text.slice(1) : text;
  if (!isName(name)) throw badName(text);
  if (isReserved(name)) throw reserved(name);
  return name;
}

/** A recipient as people write it: `bob`, `@bob`, `#reviews`, `@all`. Throws `invalid_name`. */
export function parseAddress(text: string): Address {
  const name = text.startsWith('@') ? text.slice(1) : text;
  if (nameKey(name) === 'all') return { kind: 'all' };
  if (text.startsWith('#')) {
    const topic = text.slice(1);
    if (!isName(topic)) throw badName(text);
    return { kind: 'topic', name: topic };
  }
  if (!isName(name)) throw badName(text);
  // Nobody can ever come for it; `system` says itself that it reads nothing.
  if (isReserved(name) && nameKey(name) !== 'system') throw reserved(name);
  return { kind: 'agent', name };
}

export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'agent':
      return address.name;
    case 'topic':
      return `#${address.name}`;
    case 'all':
      return '@all';
  }
}

/** The next free-looking form of a name that a live session holds: bob, bob-2, bob-3 … (design §5). */
export function numberedName(name: string, number: number): AgentName {
  const suffix = `-${number}`;
  const numbered = name.slice(0, 64 - suffix.length) + suffix;
  if (!isName(numbered)) throw badName(numbered);
  return numbered;
}

function badName(text: string): Failure {
  return new Failure('invalid_name', `wanted a name of ${NAME_RULE}, found ${JSON.stringify(text)}`);
}

function reserved(name: string): Failure {
  return new Failure(
    'invalid_name',
    `wanted a name somebody can have, found the reserved ${JSON.stringify(name)} (all, system, me, ipc…)`,
  );
}
