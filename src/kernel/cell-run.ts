/** One cell's way through the kernel, whatever happens to its request on the way. */
import { pause } from '../system/clock.ts';
import type { Activity } from './activity.ts';
import type { Cell, CellEnd } from './cell.ts';
import type { KernelClient } from './client.ts';
import { type Facts, text } from './message.ts';
import type { ShellLine } from './shell-line.ts';

export interface CellRunner {
  readonly client: KernelClient;
  readonly line: ShellLine;
  readonly activity: Activity;
  /** Why the kernel is gone; undefined while it is there. */
  readonly gone: () => string | undefined;
  /** Whether IOPub is heard: after a cut a subscription takes effect a moment later, and silently. */
  readonly listening: () => Promise<boolean>;
  readonly exiting: (cell: Cell) => void;
  readonly asks: (cell: Cell) => void;
}

/** The idle status may have been lost where output was (kernels.md §2.4, 1): it is not waited for longer. */
const IDLE_MS = 2_000;
const MAX_SENDINGS = 8;

export async function runCell(cell: Cell, runner: CellRunner): Promise<void> {
  for (let sendings = 1; ; sendings += 1) {
    if (cell.end !== undefined) return;
    const again = await sendOnce(cell, runner);
    if (!again) return;
    if (sendings < MAX_SENDINGS) continue;
    return cell.finish({
      kind: 'never ran',
      reason: `the kernel would not take it, asked ${sendings} times`,
    });
  }
}

/** True: it surely did not run and may be sent once more. */
async function sendOnce(cell: Cell, runner: CellRunner): Promise<boolean> {
  const { wish } = cell;
  const seen: Seen = { idle: false, busy: false, error: undefined };
  const idle = Promise.withResolvers<void>();
  cell.sent();
  if (!(await runner.listening())) cell.outputMayBeMissing('the output channel was not heard when it began');
  if (cell.end !== undefined) return false;
  const asked = runner.line.ask({
    type: 'execute_request',
    username: wish.owner,
    content: {
      code: wish.code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: wish.allowInput === true,
      // With true, one agent's error would abort what others have in the queue (kernels.md §3).
      stop_on_error: false,
    },
    heard: (message) => {
      const { header, content } = message;
      if (header.msg_type === 'error')
        seen.error = { kind: 'error', name: text(content['ename']), value: text(content['evalue']) };
      if (header.msg_type === 'status' && content['execution_state'] === 'busy') seen.busy = true;
      if (header.msg_type === 'status' && content['execution_state'] === 'idle') {
        seen.idle = true;
        idle.resolve();
      }
      cell.heard(message);
    },
    asked: (request) => {
      const prompt = {
        prompt: text(request.content['prompt']),
        password: request.content['password'] === true,
      };
      cell.asked(prompt, (value) => asked.reply(value, request));
      runner.asks(cell);
    },
  });
  cell.heardUntil(asked.forget);
  const answer = await Promise.race([asked.answer, cell.ended.then(() => undefined)]);
  if (answer === undefined) {
    runner.client.giveUp(asked.id, 'the cell has ended');
    return false;
  }
  switch (answer.kind) {
    case 'reply': {
      if (answer.content['status'] === 'aborted' && !cell.begun) {
        asked.forget();
        return true;
      }
      await Promise.race([idle.promise, cell.ended, pause(cell.incomplete ? IDLE_MS / 8 : IDLE_MS)]);
      if (!seen.idle) cell.outputMayBeMissing('the kernel answered and did not say that it was idle again');
      settle(cell, runner, answer.content);
      return false;
    }
    case 'silent':
      return false;
    case 'lost':
      if (answer.ran === 'no' && !seen.busy) {
        asked.forget();
        return runner.gone() === undefined;
      }
      await afterCut(cell, runner, { seen, idle: idle.promise, reason: answer.reason });
      return false;
  }
}

interface Seen {
  idle: boolean;
  busy: boolean;
  error: CellEnd | undefined;
}

function settle(cell: Cell, runner: CellRunner, content: Facts): void {
  cell.payload(content);
  if (JSON.stringify(content['payload'] ?? []).includes('"ask_exit"')) runner.exiting(cell);
  if (content['status'] === 'ok') return cell.finish({ kind: 'ok' });
  if (content['status'] === 'aborted')
    return cell.finish({ kind: 'error', name: 'aborted', value: 'the kernel gave it up' });
  cell.finish({ kind: 'error', name: text(content['ename']), value: text(content['evalue']) });
}

/**
 * The reply went to an identity that is no more. The cell itself may still run and be heard on IOPub;
 * and once the kernel answers anything on shell, whatever was asked before is over.
 */
async function afterCut(
  cell: Cell,
  runner: CellRunner,
  { seen, idle, reason }: { seen: Seen; idle: Promise<void>; reason: string },
): Promise<void> {
  const passed = async () => {
    while (cell.end === undefined && runner.gone() === undefined) {
      const { answer, forget } = runner.line.ask({ type: 'kernel_info_request' });
      const found = await Promise.race([answer, cell.ended.then(() => undefined)]);
      forget();
      if (found?.kind === 'reply') return;
    }
  };
  await Promise.race([idle, cell.ended, passed()]);
  if (!seen.idle && seen.busy) await Promise.race([idle, cell.ended, pause(IDLE_MS / 4)]);
  if (cell.end !== undefined) return;
  if (seen.error !== undefined) return cell.finish(seen.error);
  // Only who heard everything knows that there was no error.
  if (seen.idle && !cell.incomplete) {
    cell.note('its reply was lost on the way; what it printed is whole');
    return cell.finish({ kind: 'ok' });
  }
  cell.finish({ kind: 'lost', reason: `${reason}; it may have run` });
}
