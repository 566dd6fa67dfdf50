/** `ipc unsetup`: what `ipc setup` wrote is taken away, and nothing else. */
import { visible } from '../../present/escape.ts';
import { jsonLine } from '../../present/json.ts';
import { asFailure } from '../../protocol/failures.ts';
import { stageUndo } from '../../hosts/apply.ts';
import { diffOf } from '../../hosts/diff.ts';
import type { Host } from '../../hosts/host.ts';
import { hostNamed, hosts } from '../../hosts/host-list.ts';
import { allRecords } from '../../hosts/record.ts';
import { checkHome } from '../../system/home.ts';
import type { Call } from '../call.ts';
import { changesOf, dryFlag, type HostReport, reportLines, scopeFlag, setUpLock } from '../setup/report.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'unsetup',
  summary: 'Take away what setup wrote, and nothing else',
  usage: '[client…]',
  group: 'system',
  words: { min: 0 },
  flags: [scopeFlag, dryFlag],
  examples: [
    ['ipc unsetup', 'from every client; files nobody edited since are as before, byte for byte'],
    ['ipc unsetup codex --dry-run', 'what would go'],
  ],
  notes: 'Entries that somebody changed since stay, and are named. Messages and names stay too.',
  operations: {},
};

async function run(call: Call): Promise<number> {
  const { paths, environment } = call.world;
  // Without a home nothing was ever written.
  const there = checkHome(paths, environment);
  const folder = call.values.text('scope') === 'project' ? environment.directory : null;
  const known = allRecords(paths).filter((record) => record.folder === folder);
  const chosen = call.words.length > 0 ? call.words.map(hostNamed) : known.map(({ host }) => hosts[host]);
  const dry = call.values.on('dryRun');
  using _lock = dry || !there ? undefined : await setUpLock(paths);
  const reports = [...new Set(chosen)].map((host) => undo(call, { host, folder, dry }));
  if (call.json) {
    await call.output.write(
      jsonLine({ ok: reports.every(({ failure }) => failure === undefined), clients: reports }),
    );
  } else if (reports.length === 0) {
    await call.output.write('ipc setup has written nothing that is still there\n');
  } else {
    for (const report of reports) await call.output.write(reportLines(report, call.output.style));
  }
  const elsewhere = allRecords(paths).flatMap((record) => record.folder ?? []);
  if (folder === null && elsewhere.length > 0)
    call.output.say(
      `projects keep theirs; ipc unsetup --scope project in: ${visible([...new Set(elsewhere)].join(', '))}`,
    );
  return reports.find(({ exit }) => exit !== 0)?.exit ?? 0;
}

function undo(
  call: Call,
  { host, folder, dry }: { host: Host; folder: string | null; dry: boolean },
): HostReport {
  const about = { client: host.name, title: host.title };
  try {
    const staged = stageUndo({ paths: call.world.paths, host: host.name, folder });
    if (staged === undefined) return { ...about, done: 'nothing', files: [], notes: [], exit: 0 };
    if (!dry) staged.commit();
    return {
      ...about,
      done: dry ? 'would' : 'removed',
      files: changesOf(staged.changes, dry ? diffOf : undefined),
      notes: [
        ...staged.changed.map((name) => `${name} was changed since ipc setup wrote it, and stays`),
        ...(dry ? [] : (host.leftOver?.(call.world) ?? [])),
      ],
      exit: 0,
    };
  } catch (error) {
    const failure = asFailure(error);
    return { ...about, done: 'failed', files: [], notes: [], exit: failure.exit, failure: failure.body() };
  }
}

export const verb = { spec, run };
