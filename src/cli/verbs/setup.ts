/** `ipc setup`: every agent program of this machine gets a mailbox, and keeps the rest of its settings. */
import { visible } from '../../present/escape.ts';
import { jsonLine } from '../../present/json.ts';
import { asFailure, Failure } from '../../protocol/failures.ts';
import { isName } from '../../protocol/names.ts';
import { stageSetUp, type Staged } from '../../hosts/apply.ts';
import { ownProgram } from '../../hosts/command.ts';
import { diffOf } from '../../hosts/diff.ts';
import type { Host, Plan, Scope, Wish } from '../../hosts/host.ts';
import { hostNamed, installedHosts } from '../../hosts/host-list.ts';
import { prepareHome } from '../../system/home.ts';
import type { Call } from '../call.ts';
import {
  changesOf,
  dryFlag,
  type HostReport,
  lastWords,
  reportLines,
  scopeFlag,
  setUpLock,
} from '../setup/report.ts';
import { serverFlags, serverWords } from '../server-flags.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'setup',
  summary: 'Give the agent programs of this machine their mailbox',
  usage: '[client…]',
  group: 'system',
  words: { min: 0 },
  flags: [scopeFlag, ...serverFlags, dryFlag],
  examples: [
    ['ipc setup', 'every client program that is found here'],
    ['ipc setup --dry-run', 'what it would write, and nothing written'],
    ['ipc setup codex --as reviewer', 'one of them, and the name its sessions take'],
    ['ipc setup --toolsets messages,kernel', 'with tools for Jupyter kernels'],
    ['ipc setup --scope project', 'this project’s own files, to share with others'],
  ],
  notes:
    'Clients: claude-code, claude-desktop, codex, cursor, gemini, opencode, vscode, windsurf, zed. Named ones are\nset up even when they are not found. What a file was before is kept in the home, under setup/.',
  operations: {},
};

async function run(call: Call): Promise<number> {
  const { world, words } = call;
  const place = { environment: world.environment, paths: world.paths };
  const scope: Scope = call.values.text('scope') === 'project' ? 'project' : 'user';
  if (call.as !== undefined && !isName(call.as))
    throw new Failure('invalid_name', `wanted a name for --as; found ${JSON.stringify(call.as)}`);
  const chosen = words.length > 0 ? words.map(hostNamed) : installedHosts(place);
  if (chosen.length === 0)
    throw new Failure(
      'no_such_file',
      'no agent program was found here: none on the PATH, no folder of theirs',
      {
        hint: 'ipc setup claude-code',
      },
    );
  const wish: Wish = {
    ...place,
    scope,
    as: call.as,
    server: serverWords(call.values),
    program: ownProgram(place.environment, scope),
  };
  const dry = call.values.on('dryRun');
  if (!dry) prepareHome(place.paths, place.environment);
  using _lock = dry ? undefined : await setUpLock(place.paths);
  const reports = [...new Set(chosen)].map((host) => setUp(host, wish, dry));
  if (call.json)
    await call.output.write(
      jsonLine({ ok: reports.every(({ failure }) => failure === undefined), clients: reports }),
    );
  else for (const each of reports) await call.output.write(reportLines(each, call.output.style));
  if (!call.json && !call.quiet && !dry) call.output.say(lastWords(reports, visible(wish.program.command)));
  return reports.find(({ failure }) => failure !== undefined)?.exit ?? 0;
}

/** What fails for one client stops none of the others. */
function setUp(host: Host, wish: Wish, dry: boolean): HostReport {
  try {
    const plan = host.plan(wish);
    if (plan.shown === true) return shown(host, plan);
    const folder = wish.scope === 'project' ? wish.environment.directory : null;
    const staged = stageSetUp({ paths: wish.paths, host: host.name, folder }, plan);
    if (!dry) staged.commit();
    return reportOf(host, plan, { staged, dry });
  } catch (error) {
    const failure = asFailure(error);
    return {
      client: host.name,
      title: host.title,
      done: 'failed',
      files: [],
      notes: [],
      exit: failure.exit,
      failure: failure.body(),
    };
  }
}

function reportOf(host: Host, plan: Plan, { staged, dry }: { staged: Staged; dry: boolean }): HostReport {
  const none = plan.targets.length === 0;
  const same = staged.changes.length === 0;
  return {
    client: host.name,
    title: host.title,
    done: none ? 'nothing' : same ? 'same' : dry ? 'would' : 'written',
    files: changesOf(staged.changes, dry ? diffOf : undefined),
    notes: [
      ...staged.warnings,
      ...staged.changed.map((name) => `${name} was changed since and stays`),
      ...(same && !none ? [] : plan.notes),
    ],
    exit: 0,
  };
}

/** The entry, and the file it belongs into. */
function shown(host: Host, plan: Plan): HostReport {
  const lines = plan.targets.flatMap((target) => {
    if (target.format !== 'json') return [];
    return target.entries.map(({ at, value }) => {
      const nested = at.toReversed().reduce<unknown>((inside, key) => ({ [key]: inside }), value);
      return `put into ${target.file}:\n${JSON.stringify(nested, undefined, 2)}`;
    });
  });
  return {
    client: host.name,
    title: host.title,
    done: 'shown',
    files: [],
    notes: [...lines, ...plan.notes],
    exit: 0,
  };
}

export const verb = { spec, run };
