/** One cell of a kernel as text: what it showed first, what became of it last. */
import type { Output } from '../protocol/operations.ts';
import type { Execution } from '../protocol/execution.ts';
import { visible, visibleLine } from './escape.ts';
import { formatBytes } from './excerpt.ts';
import { escaped, fenced } from './model.ts';
import { plain, type Style } from './style.ts';
import { formatDuration } from './time.ts';

export function isOver({ state }: Pick<Execution, 'state'>): boolean {
  return state !== 'queued' && state !== 'running';
}

/** Output as it is: for a shell that wants the answer alone. */
export function outputText({ stdout, result, error }: Execution): string {
  const parts = [stdout, result, error?.traceback ?? ''].map(visible);
  return parts.map((text) => (text === '' || text.endsWith('\n') ? text : `${text}\n`)).join('');
}

/** State, place of the rest, pictures, notes: what stands beside the output. */
export function aboutExecution(execution: Execution, style: Style): string[] {
  const { id, kernel, images, notes, whole, asks } = execution;
  const lines = [`${style.name(id)} ${stateWords(execution, style)}`];
  if (asks !== undefined)
    lines.push(`it asks ${JSON.stringify(visibleLine(asks.prompt))}: ipc kernel input ${id} <text>`);
  if (!isOver(execution))
    lines.push(`later: ipc kernel result ${id} --wait 60; stop it: ipc kernel interrupt ${kernel}`);
  for (const { path, type, bytes } of images) lines.push(`picture ${type} ${formatBytes(bytes)} ${path}`);
  if (whole !== undefined)
    lines.push(
      `a part is shown; all ${formatBytes(whole.bytes)} of it: ${whole.path} (ipc://execution/${id})`,
    );
  return [...lines, ...notes.map(visibleLine)];
}

function stateWords({ state, seconds, count, by, whose, ahead, latest }: Execution, style: Style): string {
  const time = seconds === undefined ? '' : ` after ${formatDuration(seconds)}`;
  const number = count === undefined ? '' : ` In [${count}]`;
  const who = whose === 'mine' ? '' : ` (${visibleLine(by)}'s)`;
  const last = latest === undefined ? '' : `, last line: ${visibleLine(latest)}`;
  switch (state) {
    case 'queued':
      return `${style.warn('waits')}${who}, ${ahead ?? 0} before it`;
    case 'running':
      return `${style.warn('still running')}${time}${number}${who}${last}`;
    case 'ok':
      return `${style.good('done')}${time}${number}${who}`;
    case 'error':
      return `${style.bad('failed')}${time}${number}${who}`;
    case 'interrupted':
      return `${style.warn('interrupted')}${time}${number}${who}`;
    case 'cancelled':
      return `${style.bad('never ran')}${who}`;
    case 'died':
      return `${style.bad('its kernel died')}${time}${who}`;
    case 'unknown':
      return `${style.bad('its end is not known')}${who}`;
  }
}

/** For a model: output and stderr each in a fence, so that no output passes for the facts below it. */
export function executionForModel(execution: Execution): string {
  if ('part' in execution) return executionText(execution);
  const { id, stderr } = execution;
  const blocks = [
    [`output of ${id}`, outputText(execution)],
    [`stderr of ${id}`, visible(stderr)],
  ] as const;
  const shown = blocks.filter(([, text]) => text !== '').map(([label, text]) => fenced(label, text));
  // The prompt of an input() and the last line so far are the cell's own words.
  return `${shown.join('')}${escaped(aboutExecution(execution, plain).join('\n'))}\n`;
}

/** For a message, which is fenced as a whole: the output with stderr apart, then the facts. */
export function executionText(execution: Execution): string {
  const { stderr } = execution;
  const output = outputText(execution);
  const errors = stderr === '' ? '' : `stderr:\n${visible(stderr)}${stderr.endsWith('\n') ? '' : '\n'}`;
  const part =
    'part' in execution && typeof execution.part === 'string' ? visible(execution.part) : undefined;
  if (part !== undefined) return part.endsWith('\n') ? part : `${part}\n`;
  return `${output}${errors}${aboutExecution(execution, plain).join('\n')}\n`;
}

export function executionsText({ executions }: Output<'kernel.history'>, style: Style): string {
  const each = executions.map((execution) => {
    const { code, stdout, result, error } = execution;
    const shown = [stdout, result, error === undefined ? '' : `${error.name}: ${error.value}`];
    const lines = shown
      .filter((text) => text !== '')
      .join('\n')
      .trimEnd();
    const indented = (text: string): string => visible(text.trimEnd()).replaceAll(/^/gm, '    ');
    const head = `${style.name(execution.id)} ${visibleLine(execution.by)} ${stateWords(execution, style)}`;
    return `${head}\n${indented(code)}\n${lines === '' ? '' : `${style.faint(indented(lines))}\n`}`;
  });
  return each.length === 0 ? 'nothing was run here yet\n' : each.join('');
}
