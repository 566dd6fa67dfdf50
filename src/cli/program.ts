/**
 * argv → verb → exit code. citty holds the tree of verbs (tree.ts); what it gets wrong is done here
 * (design §3.2; seen with citty 0.2.2): nothing unknown passes, `-h` behind `--` is data, usage errors go
 * to stderr, exits come from the table of failures.
 */
import { Failure, type FailureBody } from '../protocol/failures.ts';
import { failureLine, jsonLine } from '../present/json.ts';
import { plain as noStyle } from '../present/style.ts';
import { variable } from '../system/environment.ts';
import { parseArguments } from './arguments.ts';
import { openCall, systemWorld, type World } from './call.ts';
import { openOutput, type Output } from './output.ts';
import { suggest } from './suggest.ts';
import { readValues } from './values.ts';
import type { Flag, Verb } from './verb.ts';
import { aliases, groups, topVerbs, type Load } from './verb-list.ts';

const headFlags: readonly Flag[] = [
  { name: 'version', field: 'version', kind: 'switch', short: 'v', help: 'print the version' },
];

export async function run(argv: readonly string[], world: World = systemWorld()): Promise<number> {
  const plain = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length);
  const output = openOutput(world.environment, {
    quiet: plain.includes('--quiet') || plain.includes('-q'),
    noColor: plain.includes('--no-color'),
  });
  try {
    return await dispatch({ argv, plain, output, world });
  } catch (error) {
    return failed(failureOf(error), { error, output, world, json: plain.includes('--json') });
  }
}

interface Dispatch {
  readonly argv: readonly string[];
  /** What stands before `--`. */
  readonly plain: readonly string[];
  readonly output: Output;
  readonly world: World;
}

async function dispatch({ argv, plain, output, world }: Dispatch): Promise<number> {
  const now = world.now;
  const head = parseArguments(argv, { flags: headFlags, name: '', now, untilWord: true });
  const globals = argv.slice(0, argv.length - head.words.length).filter((token) => token !== '--');
  if (head.values.has('version')) return run(['version', ...globals.filter(isGlobalOnly)], world);
  const [first, ...rest] = head.words;
  const json = plain.includes('--json');
  const wantsHelp = plain.some((token) => token === '--help' || token === '-h');
  if (first === undefined || (first === 'help' && !wantsHelp)) {
    const names = parseArguments(rest, { flags: [], name: 'help', now }).words;
    return showHelp(output, names, { why: 'asked', json });
  }

  const line = expanded(first, rest);
  const path = verbPath(line);
  if (wantsHelp || path.verb === undefined)
    return showHelp(output, path.names, { why: wantsHelp ? 'asked' : 'needed', json });

  const runOne = (verb: Verb, after: readonly string[]): Promise<number> =>
    runVerb(verb, { argv: [...globals, ...after], output, world });
  if (isHot(path.names)) return runOne(await path.verb(), line.slice(1));
  const { runInTree } = await import('./tree.ts');
  return runInTree(line, runOne);
}

/** citty takes 0.8 ms to load, a tenth of a whole cold command: those that run all the time go without. */
function isHot([name]: readonly string[]): boolean {
  return name === 'send' || name === 'check' || name === 'hook';
}

async function runVerb(
  verb: Verb,
  { argv, output, world }: { argv: readonly string[]; output: Output; world: World },
): Promise<number> {
  const { spec } = verb;
  const parsed = parseArguments(argv, { flags: spec.flags, name: spec.name, now: world.now });
  const { min, max } = spec.words;
  if (parsed.words.length < min || (max !== undefined && parsed.words.length > max)) {
    const extra = max !== undefined && parsed.words.length > max ? parsed.words[max] : undefined;
    const found = extra === undefined ? 'too few words' : `${JSON.stringify(extra)} too many`;
    throw new Failure('invalid', `wanted ipc ${spec.name} ${spec.usage}; found ${found}`, {
      hint: `ipc help ${spec.name}`,
    });
  }
  const values = readValues(parsed.values, spec.flags);
  const { words, plain } = parsed;
  const call = openCall({ spec, values, words, plain, output, world, run: (line) => run(line, world) });
  return (await verb.run(call)) ?? 0;
}

/** Old words keep working: `broadcast` is `send @all` (design §6). */
function expanded(first: string, rest: readonly string[]): readonly string[] {
  return Object.hasOwn(aliases, first) ? [...(aliases[first] ?? []), ...rest] : [first, ...rest];
}

/** Throws `invalid` for a verb that does not exist: in citty `constructor` would be one. */
function verbPath([first = '', second]: readonly string[]): { names: string[]; verb: Load | undefined } {
  if (Object.hasOwn(topVerbs, first)) return { names: [first], verb: topVerbs[first] };
  if (!Object.hasOwn(groups, first)) throw unknownVerb(first, knownVerbs());
  const group = groups[first] ?? {};
  if (second === undefined || second.startsWith('-')) return { names: [first], verb: undefined };
  if (!Object.hasOwn(group, second))
    throw unknownVerb(
      `${first} ${second}`,
      Object.keys(group).map((name) => `${first} ${name}`),
    );
  return { names: [first, second], verb: group[second] };
}

function knownVerbs(): string[] {
  return [...Object.keys(topVerbs), ...Object.keys(groups), ...Object.keys(aliases)];
}

function unknownVerb(found: string, known: readonly string[]): Failure {
  const near = suggest(found, known);
  const mean = near === undefined ? '' : `; did you mean ${near}?`;
  return new Failure('invalid', `no verb ${JSON.stringify(found)}${mean}`, {
    hint: near === undefined ? 'ipc help' : `ipc help ${near}`,
    ...(near === undefined ? {} : { details: { suggestion: near } }),
  });
}

/** Help that was asked for is data; help instead of an answer is talk, and a usage error. */
async function showHelp(
  output: Output,
  names: readonly string[],
  { why, json }: { why: 'asked' | 'needed'; json: boolean },
): Promise<number> {
  const { helpText } = await import('./help.ts');
  const text = await helpText(names, json ? noStyle : why === 'asked' ? output.style : output.errorStyle);
  if (why === 'asked') await output.write(json ? jsonLine({ help: text }) : text);
  else output.complain(text.trimEnd());
  return why === 'asked' ? 0 : 64;
}

async function failed(
  failure: Failure,
  { error, output, world, json }: { error: unknown; output: Output; world: World; json: boolean },
): Promise<number> {
  const body: FailureBody = failure.body();
  // Where the answer could not be written, its failure cannot either: then it is told on stderr.
  const written = json && !output.absent() && (await output.write(failureLine(body)).catch(() => false));
  const told = written || (json && output.closed);
  // Whoever pressed Ctrl-C knows.
  if (failure.code === 'interrupted') return failure.exit;
  const { errorStyle: style } = output;
  if (!told)
    output.complain(
      `${style.bad('ipc:')} ${await shown(failure.message)}\n${style.faint('try:')} ${await shown(failure.hint)}`,
    );
  if (failure.code === 'internal' && variable(world.environment, 'IPC_DEBUG') !== undefined)
    output.complain(error instanceof Error ? (error.stack ?? String(error)) : String(error));
  return failure.exit;
}

async function shown(text: string): Promise<string> {
  const { visible } = await import('../present/escape.ts');
  return visible(text);
}

/** What nobody expected happened in this very process, so it is not the daemon's doing. */
function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const found = error instanceof Error ? error.message : String(error);
  return new Failure('internal', `ipc met an error it did not expect: ${found}`, {
    hint: 'IPC_DEBUG=1 ipc …',
    cause: error,
  });
}

function isGlobalOnly(token: string): boolean {
  return token === '--json' || token === '--quiet' || token === '-q' || token === '--no-color';
}
