/** Records of the store as the wire shows them: instants as ISO 8601, absent things left out. */
import type {
  BlobRef,
  AgentView,
  Attachment,
  Delivered,
  Message,
  MessageId,
  Presence,
  Receipt,
  SessionView,
} from '../protocol/model.ts';
import { Failure } from '../protocol/failures.ts';
import type { Blobs, Processes } from './ports.ts';
import type { AgentId, AgentProfile, Anchor, SessionRecord } from './records/agents.ts';
import type { PastRecord, ReceiptRecord, StoredDelivery, StoredMessage } from './records/reading.ts';
import type { PostedBlob } from './records/sending.ts';

/** A session silent for longer is idle. */
const IDLE_MS = 300_000;

export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** A property that is left out when its value is null. */
function given<K extends string, T, V>(
  key: K,
  value: T | null | undefined,
  show: (value: T) => V,
): { [key in K]?: V } {
  return value === null || value === undefined ? {} : ({ [key]: show(value) } as { [key in K]: V });
}

const as = <T>(value: T): T => value;
const asId = (id: string): MessageId => id as MessageId;

export function messageView(stored: StoredMessage, blobs: Blobs): Message {
  const { from } = stored;
  return {
    id: asId(stored.id),
    from: {
      name: from.name,
      kind: from.kind,
      verified: from.verified,
      ...given('client', from.client, as),
      ...given('directory', from.directory, as),
    },
    to: [...stored.to],
    sentAt: instant(stored.sentAt),
    body: stored.body,
    ...given('bodyBlob', stored.bodyBlob, (blob) => ({ ...blob, ...placeOf(blob, blobs) })),
    ...given('data', stored.data, dataOf),
    ...(stored.attachments.length === 0
      ? {}
      : { attachments: stored.attachments.map((blob) => attachmentView(blob, blobs)) }),
    thread: stored.thread,
    ...given('replyTo', stored.replyTo, asId),
    ...given('forwardOf', stored.forwardOf, asId),
    intent: stored.intent,
    priority: stored.priority,
    ...given('notBefore', stored.notBefore, instant),
    ...given('expiresAt', stored.expiresAt, instant),
  };
}

function attachmentView(blob: PostedBlob, blobs: Blobs): Attachment {
  return {
    sha256: blob.sha256,
    size: blob.size,
    ...given('type', blob.type, as),
    name: blob.name ?? blob.sha256,
    role: blob.role ?? 'file',
    ...placeOf(blob, blobs),
  };
}

function placeOf(blob: BlobRef, blobs: Blobs): Pick<Attachment, 'path' | 'missing'> {
  return { path: blobs.path(blob.sha256), ...(blobs.holds(blob) ? {} : { missing: true }) };
}

function dataOf(json: string): NonNullable<Message['data']> {
  try {
    return JSON.parse(json) as NonNullable<Message['data']>;
  } catch (error) {
    throw new Failure('store_damaged', 'the data of a message cannot be read', { cause: error });
  }
}

export function deliveredView(delivery: StoredDelivery, blobs: Blobs): Delivered {
  const attempt = Math.max(1, delivery.attempt);
  return {
    ...messageView(delivery.message, blobs),
    attempt,
    again: delivery.attempt > 1,
    ...(delivery.offeredBy.length === 0 ? {} : { offeredBy: [...delivery.offeredBy] }),
  };
}

export function receiptView(record: ReceiptRecord): Receipt {
  return {
    to: record.to,
    state: record.state,
    ...given('door', record.door, as),
    ...given('reason', record.reason, as),
    attempts: record.attempts,
    ...given('offeredAt', record.offeredAt, instant),
    ...(record.offeredBy.length === 0 ? {} : { offeredBy: [...record.offeredBy] }),
    ...given('handedAt', record.handedAt, instant),
    ...given('seenAt', record.seenAt, instant),
    ...given('ackedAt', record.ackedAt, instant),
    ...given('endedAt', record.endedAt, instant),
  };
}

export function pastView(record: PastRecord, viewer: AgentId | null, blobs: Blobs) {
  return {
    ...messageView(record.message, blobs),
    mine: record.message.from.id === viewer,
    receipts: record.receipts.map(receiptView),
  };
}

/** Presence from what is really there: live sessions first, then the process that stands for it. */
export function presenceOf(
  facts: {
    sessions: readonly SessionRecord[];
    anchor: Anchor | null;
    unborn: boolean;
    seenAt: number | null;
  },
  around: { now: number; processes: Processes },
): Presence {
  if (facts.unborn) return 'unborn';
  const recent = (at: number | null): boolean => at !== null && around.now - at < IDLE_MS;
  if (facts.sessions.length > 0) {
    return facts.sessions.some((session) => !session.idle && recent(session.activeAt)) ? 'online' : 'idle';
  }
  if (facts.anchor !== null && around.processes.alive(facts.anchor))
    return recent(facts.seenAt) ? 'online' : 'idle';
  return 'gone';
}

export function openDoors(sessions: readonly SessionRecord[]) {
  return [...new Set(sessions.flatMap((session) => session.doors))];
}

export function agentView(
  profile: AgentProfile,
  you: AgentId | null,
  around: { now: number; processes: Processes },
): AgentView {
  return {
    name: profile.name,
    kind: profile.kind,
    presence: presenceOf(profile, around),
    you: profile.id === you,
    ...given('about', profile.about, as),
    doors: openDoors(profile.sessions),
    confirmedDoors: [...profile.confirmedDoors],
    sessions: profile.sessions.map(sessionView),
    waiting: profile.waiting,
    held: profile.held,
    ...given('seenAt', profile.seenAt, instant),
    ...pausedView(profile.pausedUntil),
    forwards: [...profile.forwards],
    topics: [...profile.topics],
  };
}

/** How "until lifted" is written: the last instant of year 9999, the end of ISO 8601's four digits. */
const FOREVER_MS = 253_402_300_799_999;

export function pausedView(until: number | null): { pausedUntil?: string } {
  return until === null ? {} : { pausedUntil: instant(Math.min(until, FOREVER_MS)) };
}

function sessionView(session: SessionRecord): SessionView {
  return {
    client: session.client,
    role: session.role,
    doors: [...session.doors],
    ...given('pid', session.pid, as),
    ...given('directory', session.directory, as),
    ...given('project', session.project, as),
    ...given('branch', session.branch, as),
    since: instant(session.since),
  };
}
