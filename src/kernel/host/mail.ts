/**
 * Messages to a kernel are cells: what somebody who may execute writes to it runs, and what it shows is the
 * reply (design §5). The daemon has refused everybody else's before they came here.
 */
import { executionText } from '../../present/execution.ts';
import { asFailure } from '../../protocol/failures.ts';
import type { Delivered } from '../../protocol/model.ts';
import type { Input, Operations } from '../../protocol/operations.ts';
import type { Execution } from '../../protocol/execution.ts';
import { pause } from '../../system/clock.ts';
import type { CellFacts, KernelHost } from './host.ts';

export type Attached = Pick<Input<'send'>, 'body' | 'attachments'>;

export interface MailParts {
  readonly operations: Operations;
  readonly reader: string;
  readonly signal: AbortSignal;
  /** A text with files, staged for sending. */
  readonly compose: (text: string, files: readonly { path: string; type: string }[]) => Promise<Attached>;
  readonly read: (path: string) => Promise<string>;
  readonly log: (text: string) => void;
}

const WAIT_SECONDS = 600;
const BYTES = 262_144;
/** The daemon is away: looked for again so often. */
const AWAY_MS = 200;

/** Until the signal ends it. Also what keeps the connection, and with it the kernel's name. */
export async function takeMail(host: KernelHost, parts: MailParts): Promise<void> {
  const { operations, reader, signal } = parts;
  while (!signal.aborted) {
    try {
      const wish = { reader, door: 'kernel', wait: WAIT_SECONDS, limit: 20, bytes: BYTES } as const;
      const { messages } = await operations.check(wish, { signal });
      for (const message of messages) await take(host, message, parts);
    } catch (error) {
      if (signal.aborted) return;
      if (asFailure(error).code !== 'daemon_unavailable') parts.log(asFailure(error).message);
      await pause(AWAY_MS);
    }
  }
}

async function take(host: KernelHost, message: Delivered, parts: MailParts): Promise<void> {
  const { operations, reader } = parts;
  const { id, attempt, from, sentAt } = message;
  // Confirmed before it runs: a cell that kills its host must not come again and kill the next.
  const deliveries = [{ id, attempt }];
  const { confirmed } = await operations.confirm({ reader, door: 'kernel', stage: 'handed', deliveries });
  if (confirmed === 0) return;
  if (Date.parse(sentAt) < host.startedAt) {
    const body =
      'Not run: it was written before this host attached to the kernel. Send it again if it is meant.';
    return void (await operations.reply({ message: id, body }));
  }
  if (message.bodyBlob?.missing === true) {
    return void (await operations.reply({
      message: id,
      body: 'Not run: the file with its text is missing.',
    }));
  }
  const code = message.bodyBlob === undefined ? message.body : await parts.read(message.bodyBlob.path);
  try {
    const cell = host.run(code, from.name, { asked: from.kind });
    void cell.ended
      .then(() => answer(host, { message, cell: cell.id }, parts))
      .catch((error: unknown) => {
        parts.log(`no reply to ${id}: ${asFailure(error).message}`);
      });
  } catch (error) {
    const { message: why, hint } = asFailure(error);
    await operations.reply({ message: id, body: `Not run: ${why}. Try: ${hint}` });
  }
}

async function answer(
  host: KernelHost,
  { message, cell }: { message: Delivered; cell: string },
  parts: MailParts,
): Promise<void> {
  const asker = { ...message.from, client: message.from.client ?? '' };
  const execution = host.execution(cell, asker, 16_384);
  await parts.operations.reply({ message: message.id, ...(await contentOf(execution, parts)) });
}

/** Told to whoever was to be told, in a message of the kernel's own. */
export async function tellEnd(
  execution: Execution,
  { notify }: CellFacts,
  parts: Omit<MailParts, 'signal' | 'reader' | 'read'>,
): Promise<void> {
  if (notify === undefined) return;
  const { attachments, body } = await contentOf(execution, parts);
  const text = `Execution ${execution.id}, asked for by ${execution.by}, has ended.\n\n${body}`;
  await parts.operations.send({
    to: [notify],
    body: text,
    ...(attachments === undefined ? {} : { attachments }),
  });
}

async function contentOf(execution: Execution, { compose }: Pick<MailParts, 'compose'>): Promise<Attached> {
  const whole = execution.whole === undefined ? [] : [{ path: execution.whole.path, type: 'text/plain' }];
  return await compose(executionText(execution), [...execution.images, ...whole]);
}
