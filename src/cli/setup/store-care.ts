/** The store, looked at and repaired for the doctor by the daemon's program: a command never opens it itself. */
import { formatBytes } from '../../present/excerpt.ts';
import { visible } from '../../present/escape.ts';
import { Failure } from '../../protocol/failures.ts';
import type { CareReport, LostNote, RepairReport, StoreFindings } from '../../protocol/repair.ts';
import { daemonVariables, selfCommand } from '../../system/environment.ts';
import { checkHome } from '../../system/home.ts';
import { waitForLock } from '../../system/lock.ts';
import type { Call } from '../call.ts';
import { stopped } from '../verbs/daemon.ts';

export async function examineFromOutside(call: Call): Promise<StoreFindings> {
  const report = await run(call, '--check');
  if ('findings' in report) return report.findings;
  throw refusal(report);
}

const PATIENCE_MS = 20_000;

/** Nobody starts a daemon meanwhile: commands that want one wait for the lock. */
export async function repairStore(call: Call): Promise<RepairReport> {
  const { paths, environment } = call.world;
  if (!checkHome(paths, environment)) throw new Failure('no_such_file', `there is no home at ${paths.home}`);
  using lock = await waitForLock(paths.startLock, { milliseconds: PATIENCE_MS });
  if (lock === undefined) throw new Failure('busy', 'another command is starting the daemon or repairs');
  await stopped(call, 'repair').catch((error: unknown) => {
    // One that does not answer still has the home; whether it does, its lock says.
    call.output.say(error instanceof Error ? error.message : String(error));
  });
  const report = await run(call, '--repair');
  if ('repair' in report) return report.repair;
  throw refusal(report);
}

async function run(call: Call, care: '--check' | '--repair'): Promise<CareReport> {
  const { paths, environment } = call.world;
  const child = Bun.spawn([...selfCommand(), 'daemon', 'run', care], {
    cwd: paths.home,
    env: daemonVariables(environment, paths.home),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const said = await child.stdout.text();
  try {
    return JSON.parse(said) as CareReport;
  } catch {
    throw new Failure(
      'internal',
      `the ${care.slice(2)} of the store ended with status ${await child.exited}`,
    );
  }
}

function refusal(report: CareReport): Failure {
  return 'failure' in report
    ? Failure.from(report.failure)
    : new Failure('internal', 'an answer to something else');
}

export function repairText(report: RepairReport): string {
  const { done, saved, lost, blobs, altered, keyless, remade, kept, seconds } = report;
  const { messages, deliveries, agents, topics } = saved;
  const counts = `${messages} messages, ${deliveries} deliveries, ${agents} agents, ${topics} topics`;
  const lines = [
    done === 'sound' ? `the store is sound: ${counts}` : `repaired in ${seconds} s; saved: ${counts}`,
    ...(done === 'sound' ? [] : [`lost: ${lostWords(lost)}`]),
    ...lost.some.map(noteOf),
    ...listed('not as they were sent', altered),
    ...(remade === 0 ? [] : [`deliveries known from indexes only, some may come again: ${remade}`]),
    ...listed('names whose key is lost, free for their owners to take again', keyless),
    ...(blobs.reattached === 0 ? [] : [`files found elsewhere and put back: ${blobs.reattached}`]),
    ...listed('files put aside, for they are not what they were', blobs.altered),
    ...listed('files that are missing', blobs.missing),
    ...kept.map((file) => `the damaged files are kept: ${file} (${formatBytes(Bun.file(file).size)})`),
  ];
  return `${lines.map(visible).join('\n')}\n`;
}

function lostWords({ messages, numbers, unread, places }: RepairReport['lost']): string {
  const parts = [
    ...(messages > 0 ? [`${messages} messages`] : []),
    ...(unread > 0 ? [`${unread} unread ones that mailboxes counted`] : []),
    ...(numbers > 0 ? [`up to ${numbers} of the newest messages and deliveries`] : []),
    ...(places > 0
      ? [`what lay in ${places} unreadable places of their tables, where nothing else tells of it`]
      : []),
  ];
  return parts.length === 0 ? 'nothing' : parts.join('; ');
}

function noteOf({ id, from, to }: LostNote): string {
  return `  ${id ?? 'id unknown'}, from ${from ?? 'unknown'} to ${to.join(', ') || 'unknown'}`;
}

const SHOWN = 10;

function listed(what: string, items: readonly string[]): readonly string[] {
  if (items.length === 0) return [];
  const more = items.length > SHOWN ? [`  and ${items.length - SHOWN} more`] : [];
  return [`${what}: ${items.length}`, ...items.slice(0, SHOWN).map((item) => `  ${item}`), ...more];
}
