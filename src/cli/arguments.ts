/**
 * argv → flags and words, strictly: an agent that misspells a flag must not "succeed" (design §3.2,
 * seen with citty 0.2.2). citty's parser lets unknown flags pass, keeps the last of several, knows no
 * numbers, and takes `-h` after `--` for itself; so the reading is ours and citty dispatches.
 */
import { Failure } from '../protocol/failures.ts';
import { flagValue, type FlagValue } from './flag-value.ts';
import { suggest } from './suggest.ts';
import { globalFlags, type Flag } from './verb.ts';

export interface Parsed {
  readonly values: ReadonlyMap<string, readonly FlagValue[]>;
  readonly words: readonly string[];
  /** How many of the words stood before `--`. */
  readonly plain: number;
}

export interface Rules {
  readonly flags: readonly Flag[];
  /** For the hint of a refusal. */
  readonly name: string;
  readonly now: () => number;
  /** Stop at the first word: what follows belongs to a verb not known yet. */
  readonly untilWord?: true;
}

/** What `untilWord` left unread stands in `words`, untouched. Throws `invalid`. */
export function parseArguments(argv: readonly string[], rules: Rules): Parsed {
  const values = new Map<string, FlagValue[]>();
  const words: string[] = [];
  let plain: number | undefined;
  let at = 0;

  const add = (flag: Flag, text: string | true, written: string): void => {
    const given = values.get(flag.field) ?? [];
    if (given.length > 0 && flag.repeat === undefined && flag.kind !== 'switch')
      throw refused(rules, `wanted ${written} once, found it again`);
    values.set(flag.field, [...given, flagValue(flag, text, rules)]);
  };
  const following = (flag: Flag, written: string): string => {
    const next = argv[at + 1];
    if (flag.bare !== undefined && (next === undefined || !mayFollow(flag, next))) return flag.bare;
    if (next === undefined || (next.startsWith('-') && next !== '-' && !/^-\d/.test(next)))
      throw refused(
        rules,
        `wanted a value after ${written}, found ${next ?? 'the end'}; ${written}=… takes any`,
      );
    at += 1;
    return next;
  };

  for (; at < argv.length; at += 1) {
    const token = argv[at] ?? '';
    if (token === '--') {
      plain = words.length;
      words.push(...argv.slice(at + 1));
      break;
    }
    if (token === '-' || !token.startsWith('-')) {
      if (rules.untilWord === true) {
        words.push(...argv.slice(at));
        break;
      }
      words.push(token);
      continue;
    }
    if (token.startsWith('--')) {
      const [name = '', ...rest] = token.slice(2).split('=');
      const flag = find(rules, (candidate) => candidate.name === name) ?? unknown(rules, `--${name}`);
      if (rest.length > 0) add(flag, rest.join('='), `--${name}`);
      else add(flag, flag.kind === 'switch' ? true : following(flag, `--${name}`), `--${name}`);
      continue;
    }
    readShort(token.slice(1));
  }
  return { values, words, plain: plain ?? words.length };

  /** `-q`, `-fn5`, `-n 5`, `-n=5`. */
  function readShort(cluster: string): void {
    for (let index = 0; index < cluster.length; index += 1) {
      const letter = cluster[index] ?? '';
      const flag = find(rules, (candidate) => candidate.short === letter) ?? unknown(rules, `-${cluster}`);
      if (flag.kind === 'switch') {
        add(flag, true, `-${letter}`);
        continue;
      }
      const attached = cluster.slice(index + 1).replace(/^=/, '');
      add(flag, attached === '' ? following(flag, `-${letter}`) : attached, `-${letter}`);
      return;
    }
  }
}

function mayFollow(flag: Flag, next: string): boolean {
  return flag.kind === 'duration' ? /^\d/.test(next) : !next.startsWith('-');
}

function find({ flags }: Rules, is: (flag: Flag) => boolean): Flag | undefined {
  return flags.find(is) ?? globalFlags.find(is);
}

function unknown(rules: Rules, written: string): never {
  const names = [...rules.flags, ...globalFlags].map((flag) => `--${flag.name}`);
  const near = written.startsWith('--') ? suggest(written, names) : undefined;
  const mean = near === undefined ? '' : `; did you mean ${near}?`;
  const text = rules.untilWord === true ? '' : ' (a text that begins with a dash goes after --)';
  throw new Failure('invalid', `no flag ${written}${mean}${text}`, {
    hint: rules.name === '' ? 'ipc help' : `ipc help ${rules.name}`,
    ...(near === undefined ? {} : { details: { suggestion: near } }),
  });
}

function refused({ name }: Rules, message: string): Failure {
  return new Failure('invalid', message, { hint: name === '' ? 'ipc help' : `ipc help ${name}` });
}
