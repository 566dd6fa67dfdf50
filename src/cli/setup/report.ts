/** How `setup` and `unsetup` say what they did, a client at a time. */
import { visible } from '../../present/escape.ts';
import type { Style } from '../../present/style.ts';
import { Failure, type FailureBody } from '../../protocol/failures.ts';
import { type Lock, waitForLock } from '../../system/lock.ts';
import type { Paths } from '../../system/paths.ts';
import type { Change } from '../../hosts/apply.ts';
import { type HostName, hostNames } from '../../hosts/host.ts';
import type { Flag } from '../verb.ts';

export const scopeFlag: Flag = {
  name: 'scope',
  field: 'scope',
  kind: 'choice',
  choices: ['user', 'project'],
  hint: 'where',
  help: 'user: for all projects (initially); project: files of this folder',
};

export const dryFlag: Flag = {
  name: 'dry-run',
  field: 'dryRun',
  kind: 'switch',
  short: 'n',
  help: 'show what would change and change nothing',
};

const PATIENCE_MS = 10_000;

interface FileReport {
  readonly file: string;
  readonly change: 'made' | 'changed' | 'removed';
  readonly diff?: readonly string[];
}

export interface HostReport {
  readonly client: HostName;
  readonly title: string;
  readonly done: 'written' | 'would' | 'same' | 'shown' | 'removed' | 'nothing' | 'failed';
  readonly files: readonly FileReport[];
  readonly notes: readonly string[];
  readonly exit: number;
  readonly failure?: FailureBody;
}

export function changesOf(
  changes: readonly Change[],
  diff?: (before: string, after: string) => readonly string[],
): readonly FileReport[] {
  return changes.map(({ file, before, after }) => ({
    file,
    change: before === undefined ? 'made' : after === undefined ? 'removed' : 'changed',
    ...(diff === undefined ? {} : { diff: diff(before ?? '', after ?? '') }),
  }));
}

const SAID = {
  written: 'is set up',
  would: 'would be set up',
  same: 'is set up already',
  shown: 'is left to you: its file is not there yet',
  removed: 'is as it was',
  nothing: 'has nothing of ours',
  failed: 'is not set up',
} as const satisfies Record<HostReport['done'], string>;

export function reportLines({ title, done, files, notes, failure }: HostReport, style: Style): string {
  const paint =
    done === 'failed' ? style.bad : done === 'shown' || done === 'would' ? style.warn : style.good;
  const lines = [`${style.name(title)} ${paint(SAID[done])}`];
  for (const { file, change, diff } of files) {
    lines.push(`  ${change} ${visible(file)}`);
    for (const line of diff ?? []) lines.push(`    ${painted(visible(line), style)}`);
  }
  for (const note of notes) lines.push(`  ${visible(note).replaceAll('\n', '\n  ')}`);
  if (failure !== undefined)
    lines.push(`  ${visible(failure.message)}`, `  ${style.faint('try:')} ${visible(failure.hint)}`);
  return `${lines.join('\n')}\n`;
}

/** What else there is to know when all is done. */
export function lastWords(reports: readonly HostReport[], command: string): string {
  const rest = hostNames.filter((name) => reports.every(({ client }) => client !== name));
  const others = rest.length === 0 ? '' : `not found, or not asked for: ${rest.join(', ')}\n`;
  return `${others}any other MCP client: command ${command}, arguments mcp\nipc doctor <client> says whether it works; ipc unsetup takes it away again`;
}

/** Two set-ups at once would each forget what the other wrote. */
export async function setUpLock(paths: Paths): Promise<Lock> {
  const lock = await waitForLock(paths.setupLock, { milliseconds: PATIENCE_MS });
  if (lock !== undefined) return lock;
  throw new Failure('busy', 'another ipc setup or unsetup is running', { hint: 'ipc setup' });
}

function painted(line: string, style: Style): string {
  if (line.startsWith('+')) return style.good(line);
  return line.startsWith('-') ? style.bad(line) : style.faint(line);
}
