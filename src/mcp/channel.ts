/**
 * The channel: Claude Code puts what this notification says before the model (interfaces §1). It is
 * never acknowledged, so what went through it is only ever `offered`, and the whole waits for a door
 * that can confirm.
 */
import { escaped } from '../present/model.ts';
import { visible, visibleLine } from '../present/escape.ts';
import { excerpt, formatBytes, SHOWN_BYTES } from '../present/excerpt.ts';
import type { MessageId } from '../protocol/model.ts';
import type { Arrival } from './arrivals.ts';
import type { Serving } from './parts.ts';

/** Waiting for one slow reader must not grow without end; the rest waits with the daemon. */
const MOST_WAITING = 200;
const MOST_KNOWN = 1_000;
export const CHANNEL_METHOD = 'notifications/claude/channel';

/** Contract of the doors: only what the client can have loaded counts as open. */
export function declaresChannel({ server }: Pick<Serving, 'server'>): boolean {
  return server.getClientCapabilities()?.experimental?.['claude/channel'] !== undefined;
}

export class Channel {
  readonly #serving: Serving;
  readonly #waiting: Arrival[] = [];
  /** Pushed on the line as it is now, and not yet known to have come through. */
  readonly #pushed = new Map<MessageId, number>();
  /** The client is known to have them; for what the daemon tells before it has heard of it. */
  readonly #known = new Set<MessageId>();
  #room = Promise.withResolvers<void>();
  /** Counts beginnings: what belongs to an earlier one is not pushed any more. */
  #beginning = 0;
  #pushing = false;
  #proving = false;

  constructor(serving: Serving) {
    this.#serving = serving;
  }

  /** Resolves when there is room for the next. */
  async take(message: Arrival): Promise<void> {
    // A session that comes back begins with what waits: what its channel showed once is not shown again.
    if (message.offeredBy?.includes('channel') === true) return;
    if (this.#pushed.has(message.id) || this.#known.has(message.id)) return;
    this.#waiting.push(message);
    if (!this.#pushing) void this.#push();
    if (this.#waiting.length >= MOST_WAITING) await this.#room.promise;
  }

  /** What waits here will be told again. */
  restart(): void {
    this.#beginning += 1;
    this.#waiting.length = 0;
    this.#makeRoom();
  }

  /** The line was cut, and the client has these of what was pushed: the others are as if never pushed. */
  async reopened(known: readonly string[]): Promise<void> {
    this.restart();
    const proven = [...this.#pushed].filter(([id]) => known.includes(id));
    this.#pushed.clear();
    if (proven.length > 0) await this.#confirm(proven);
  }

  async #push(): Promise<void> {
    this.#pushing = true;
    try {
      for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
        const { id, attempt } = message;
        if (this.#waiting.length < MOST_WAITING) this.#makeRoom();
        this.#pushed.set(id, attempt);
        await this.#serving.server.notification({
          method: CHANNEL_METHOD,
          params: { content: contentOf(message), meta: metaOf(message) },
        });
        if (!this.#proving) void this.#prove();
      }
    } catch {
      // Not offered is not claimed; the message waits in the mailbox all the same.
    } finally {
      this.#pushing = false;
    }
  }

  /** Claims what is known to have come through, as much at a time as was pushed meanwhile. */
  async #prove(): Promise<void> {
    this.#proving = true;
    try {
      while (this.#pushed.size > 0) {
        const beginning = this.#beginning;
        const batch = [...this.#pushed];
        await this.#serving.received?.();
        // Begun anew on the same line, they are still there; on another, they were settled there.
        const proven = batch.filter(([id]) => this.#pushed.has(id));
        if (proven.length === 0 && beginning !== this.#beginning) continue;
        await this.#confirm(proven);
      }
    } catch {
      // The line is gone, or the daemon: nothing is claimed.
    } finally {
      this.#proving = false;
    }
  }

  async #confirm(proven: readonly (readonly [MessageId, number])[]): Promise<void> {
    for (const [id] of proven) {
      this.#pushed.delete(id);
      this.#known.add(id);
    }
    for (const id of this.#known) {
      if (this.#known.size <= MOST_KNOWN) break;
      this.#known.delete(id);
    }
    const { operations, reader } = await this.#serving.holder();
    const deliveries = proven.map(([id, attempt]) => ({ id, attempt }));
    await operations.confirm({ reader, door: 'channel', stage: 'offered', deliveries });
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}

function contentOf(message: Arrival): string {
  const shown = excerpt(message.body, SHOWN_BYTES);
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
