/** Kernels as text: which there are, how one is, what is in it. */
import type { Output } from '../protocol/operations.ts';
import { visible, visibleLine } from './escape.ts';
import { formatBytes } from './excerpt.ts';
import type { Look } from './person.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { ago } from './time.ts';

export function kernelsText({ kernels }: Output<'kernel.list'>, style: Style): string {
  if (kernels.length === 0) return 'no live kernel; ipc kernel start makes one\n';
  const head = ['name', 'state', 'kernel', 'pid', 'whose', 'connection file'];
  const rows = kernels.map(({ name, live, hosted, language, pid, owner, connectionFile }) => [
    { text: name ?? '-', paint: style.name },
    { text: hosted ? (live ? 'attached' : 'dead') : 'not attached' },
    { text: language ?? '' },
    { text: pid === undefined ? '' : String(pid) },
    { text: visibleLine(owner) },
    { text: visibleLine(connectionFile), paint: style.faint },
  ]);
  return table([head.map((text) => ({ text, paint: style.faint })), ...rows]);
}

export function specsText({ specs }: Output<'kernel.specs'>, style: Style): string {
  if (specs.length === 0) return 'no kernel is installed; for Python: pip install ipykernel\n';
  return table(
    specs.map(({ name, displayName, language, folder }) => [
      { text: visibleLine(name), paint: style.name },
      { text: visibleLine(displayName) },
      { text: visibleLine(language) },
      { text: visibleLine(folder), paint: style.faint },
    ]),
  );
}

type Started = Output<'kernel.connect'> & Partial<Pick<Output<'kernel.start'>, 'command'>>;

export function startedText(started: Started, style: Style): string {
  const { kernel, language, connectionFile, owner, allowed, pid, notes, command } = started;
  const process = pid === undefined ? '' : `, pid ${pid}`;
  const others = allowed.length === 0 ? '' : `, ${allowed.join(', ')}`;
  const dry = notes.includes('nothing was started');
  return [
    `${style.name(kernel)}: ${visibleLine(language ?? 'kernel')}${process}; ${owner}${others} and people may execute`,
    style.faint(`connection file ${visibleLine(connectionFile)}`),
    ...notes.map(visibleLine),
    ...(dry ? [visibleLine((command ?? []).join(' '))] : [`try: ipc kernel run ${kernel} "1+1"`]),
    '',
  ].join('\n');
}

export function kernelStatusText(status: Output<'kernel.status'>, { style, now }: Look): string {
  const { kernel, state, heartbeatMs, busyFor, running, queued, pid, memoryBytes, owner, allowed } = status;
  const busy =
    busyFor === undefined
      ? ''
      : ` for ${visibleLine(busyFor)}${running === undefined ? '' : ` (${running})`}`;
  const rows: (readonly [string, string])[] = [
    ['state', `${state}${busy}${queued === 0 ? '' : `, ${queued} waiting`}`],
    ['heartbeat', heartbeatMs === undefined ? 'none' : `${heartbeatMs} ms`],
    ['control', status.control ? 'answers, also while a cell runs' : 'no answer'],
    [
      'process',
      pid === undefined
        ? 'not known'
        : `${pid}${memoryBytes === undefined ? '' : `, ${formatBytes(memoryBytes)}`}`,
    ],
    ['language', visibleLine(status.language ?? '')],
    ['execute', [owner, ...allowed, 'people'].join(', ')],
    ['started', status.ours ? 'by ipc' : 'elsewhere: it is not ours to end'],
    ['attached', ago(status.since, now)],
    ['file', visibleLine(status.connectionFile)],
    ...status.notes.map((note) => ['note', visibleLine(note)] as const),
  ];
  return `${style.name(kernel)}\n${table(rows.map(([label, text]) => [{ text: `  ${label}`, paint: style.faint }, { text }]))}`;
}

export function variablesText({ variables, more }: Output<'kernel.variables'>, style: Style): string {
  if (variables.length === 0) return 'no variables yet\n';
  const rows = variables.map(({ name, type, value }) => [
    { text: visibleLine(name), paint: style.name },
    { text: visibleLine(type), paint: style.faint },
    { text: visibleLine(value.slice(0, 120)) },
  ]);
  return `${table(rows)}${more === 0 ? '' : `${more} more\n`}`;
}

export function inspectedText({ variable, type, text }: Output<'kernel.inspect'>): string {
  return `${visibleLine(variable)}${type === undefined ? '' : ` (${visibleLine(type)})`}\n${visible(text).trimEnd()}\n`;
}
