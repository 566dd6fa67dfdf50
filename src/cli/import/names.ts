/** Names of another system as names here: those that are legal stay, the others are changed, and said to be. */
import {
  isName,
  isReserved,
  nameKey,
  numberedName,
  parseOwnName,
  type AgentName,
} from '../../protocol/names.ts';

export interface NameMap {
  /** The name here. */
  of(name: string): AgentName;
  /** Those that are called something else here. */
  changed(): readonly { readonly from: string; readonly to: AgentName }[];
}

/**
 * `chosen` are the user's own. Two names are never joined but by the user: mail of `Bob` is none of
 * `bob`'s, though they are one name here.
 */
export function mapNames(names: Iterable<string>, chosen: ReadonlyMap<string, string>): NameMap {
  const map = new Map<string, AgentName>();
  const taken = new Set<string>();
  const give = (name: string, here: AgentName): void => {
    map.set(name, here);
    taken.add(nameKey(here));
  };
  for (const [name, here] of chosen) give(name, parseOwnName(here));
  const others: string[] = [];
  for (const name of new Set(names)) {
    if (map.has(name)) continue;
    if (isName(name) && !isReserved(name) && !taken.has(nameKey(name))) give(name, name);
    else others.push(name);
  }
  for (const name of others) {
    const wanted = nearestName(name);
    let here = wanted;
    for (let number = 2; taken.has(nameKey(here)); number += 1) here = numberedName(wanted, number);
    give(name, here);
  }
  return {
    of: (name) => {
      const here = map.get(name);
      if (here === undefined) throw new Error('a name that was not there when names were read');
      return here;
    },
    changed: () => [...map].filter(([from, to]) => from !== to).map(([from, to]) => ({ from, to })),
  };
}

const LONGEST = 56;

function nearestName(name: string): AgentName {
  const cleaned = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, LONGEST)
    .replace(/-+$/, '');
  if (cleaned === '') return parseOwnName('unnamed');
  return parseOwnName(isReserved(cleaned) ? `old-${cleaned}` : cleaned);
}
