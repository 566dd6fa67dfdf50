/** What the system itself tells agents and people: plain facts, with the command that helps. */
import type { Ids } from './ports.ts';
import type { AgentId } from './records/agents.ts';
import type { Compose, NoticeText, StoreEvent } from './records/upkeep.ts';

const PREVIEW = 80;

export function composer(ids: Ids): Compose {
  return (event) => ({ id: ids.derived(event.kind, event.messageId, who(event)), body: words(event) });
}

export function renamedNotice(
  ids: Ids,
  change: { agent: AgentId; from: string; to: string; until: number; now: number },
): NoticeText {
  return {
    id: ids.derived('renamed', String(change.agent), change.to, String(change.now)),
    body: `${change.from} is now ${change.to}; the old name forwards until ${new Date(change.until).toISOString()}`,
  };
}

export function heldNotice(
  ids: Ids,
  { name, depth, isLast }: { name: string; depth: number; isLast: boolean },
): NoticeText {
  const more = isLast
    ? ' Others are held too: ipc who --all shows for whom, ipc release lets all through.'
    : '';
  return {
    id: ids.message(),
    body: `messages from ${name} are held: ${depth} followed from one another, or it sends without a rest, with no word from a person. Let them through: ipc release ${name}${more}`,
  };
}

function who(event: StoreEvent): string {
  return event.kind === 'reminder' ? event.sender : event.recipient;
}

function words(event: StoreEvent): string {
  const message = `${event.messageId} (${JSON.stringify(preview(event.body))})`;
  switch (event.kind) {
    case 'expired':
      return event.unborn
        ? `${message} expired: nobody named ${event.recipient} ever came. You can still read it: ipc history ${event.messageId}`
        : `${message} expired before ${event.recipient} was handed it. You can still read it: ipc history ${event.messageId}`;
    case 'dead':
      return `${message} could not be handed to ${event.recipient}: the hand-over failed too often. It is kept: ipc history --state dead`;
    case 'unanswered':
      return `${event.recipient} has gone idle without answering ${message}`;
    case 'reminder':
      return `${event.sender} still waits for an answer to ${message}: ipc reply ${event.messageId} …`;
  }
}

function preview(body: string): string {
  const line = body.split('\n', 1)[0] ?? '';
  return line.length <= PREVIEW ? line : `${line.slice(0, PREVIEW - 1)}…`;
}
