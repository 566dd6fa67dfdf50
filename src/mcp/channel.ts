/**
 * The channel: Claude Code puts what this notification says before the model (interfaces §1). It is
 * never acknowledged, so what went through it is only ever `offered`, and the whole waits for a door
 * that can confirm.
 */
import { escaped } from '../present/model.ts';
import { visible, visibleLine } from '../present/escape.ts';
import { excerpt, formatBytes } from '../present/excerpt.ts';
import type { Arrival } from './arrivals.ts';
import type { Serving } from './parts.ts';

const BODY_BYTES = 8_192;
/** Waiting for one slow reader must not grow without end; what is left out waits in the mailbox. */
const MOST_WAITING = 200;

type Capabilities = ReturnType<Serving['server']['getClientCapabilities']>;

/** Contract of the doors: only what the client can have loaded counts as open. */
export function hasChannel(told: boolean, capabilities: Capabilities): boolean {
  return told || capabilities?.experimental?.['claude/channel'] !== undefined;
}

export function channelOf(serving: Serving): (arrival: Arrival) => void {
  const { server } = serving;
  const waiting: Arrival[] = [];
  let busy = false;
  const push = async (): Promise<void> => {
    busy = true;
    try {
      for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
        const { operations, reader } = await serving.holder();
        await server.notification({
          method: 'notifications/claude/channel',
          params: { content: contentOf(message), meta: metaOf(message) },
        });
        const deliveries = [{ id: message.id, attempt: message.attempt }];
        await operations.confirm({ reader, door: 'channel', stage: 'offered', deliveries });
      }
    } catch {
      // Not offered is not claimed; the message waits in the mailbox all the same.
    } finally {
      busy = false;
    }
  };
  return (message) => {
    // A session that comes back begins with what waits: what its channel showed once is not shown again.
    if (message.offeredBy?.includes('channel') === true || waiting.length >= MOST_WAITING) return;
    waiting.push(message);
    if (!busy) void push();
  };
}

function contentOf(message: Arrival): string {
  const shown = excerpt(message.body, BODY_BYTES);
  const rest: string[] = [];
  if (message.bodyBlob !== undefined) rest.push(`the beginning of ${formatBytes(message.bodyBlob.size)}`);
  else if (shown.missing > 0) rest.push(`${formatBytes(shown.missing)} more`);
  if (message.data !== undefined) rest.push('data');
  const files = message.attachments?.length ?? 0;
  if (files > 0) rest.push(`${files} attached`);
  const body = escaped(visible(shown.text));
  return rest.length === 0 ? body : `${body}\n[${rest.join(', ')}: check hands over the whole]`;
}

/** Keys must be identifiers and values strings: anything else is dropped silently. */
function metaOf(message: Arrival): Record<string, string> {
  const { from } = message;
  return {
    from: attribute(from.name),
    to: attribute(message.to.join(', ')),
    message_id: message.id,
    thread: attribute(message.thread),
    kind: from.kind,
    verified: String(from.verified),
    severity: message.priority,
    ts: message.sentAt,
  };
}

/** As the reference channels clean names, quotes included: it becomes an attribute of a tag. */
function attribute(text: string): string {
  return visibleLine(text).replaceAll(/[<>[\]\r\n;"'&]/g, '_');
}
