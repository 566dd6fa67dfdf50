/** From what a caller asked for to what the store is told: stamped, limited, with its blobs adopted. */
import { Failure } from '../protocol/failures.ts';
import type { BlobRef, StagedBlob } from '../protocol/model.ts';
import type { Address } from '../protocol/names.ts';
import type { Request } from '../protocol/operations.ts';
import type { PostedBlob, Posting } from './records/sending.ts';
import type { Desk } from './desk.ts';
import { granted } from './outcome.ts';
import type { Session } from './session.ts';

/** What send, reply and ask have in common. */
export type Content = Pick<
  Request<'send'>,
  | 'id'
  | 'body'
  | 'bodyBlob'
  | 'data'
  | 'attachments'
  | 'priority'
  | 'expiresIn'
  | 'expiresAt'
  | 'notBefore'
  | 'intent'
> &
  Partial<Pick<Request<'send'>, 'thread' | 'forwardOf' | 'go'>>;

export interface Target {
  readonly to: readonly Address[];
  readonly replyTo: Posting['replyTo'];
  readonly answers: boolean;
}

/** A message that goes to people and agents at large never runs on a kernel (design §5). */
const REACHED_BY_ALL = ['human', 'agent'] as const;

/** By which the loop guard knows the same text to the same recipients again. */
export function contentKey(request: Content, target: Target): string {
  const blobs = [request.bodyBlob, ...(request.attachments ?? [])].map((blob) => blob?.sha256);
  return JSON.stringify([target, request.body, request.data, request.forwardOf, blobs]);
}

/** When it may first be shown and when it ends. Throws `invalid_data` for an end said twice or come already. */
export function lifetime(
  request: Content,
  now: number,
): { readonly notBefore: number | null; readonly expiresAt: number | null } {
  const notBefore = request.notBefore === undefined ? null : Date.parse(request.notBefore);
  const { expiresAt, expiresIn } = request;
  if (expiresAt !== undefined && expiresIn !== undefined) {
    throw new Failure('invalid_data', 'wanted expiresIn or expiresAt, found both');
  }
  const from = Math.max(now, notBefore ?? now);
  if (expiresIn !== undefined) return { notBefore, expiresAt: from + expiresIn * 1000 };
  if (expiresAt === undefined) return { notBefore, expiresAt: null };
  if (Date.parse(expiresAt) > from) return { notBefore, expiresAt: Date.parse(expiresAt) };
  throw new Failure(
    'invalid_data',
    `wanted an expiry after ${new Date(from).toISOString()}, found ${expiresAt}`,
  );
}

/** Throws `no_such_file` or `invalid_data` when a blob is not what it is said to be. */
export async function postingOf(
  desk: Desk,
  session: Session,
  { id, request, target }: { id: string; request: Content; target: Target },
): Promise<Posting> {
  const now = desk.clock.now();
  const policy = desk.policy();
  const sender = session.acting();
  const { depth, fanOut } = policy.guard;
  const guarded = session.kind === 'agent';
  const limited = guarded && request.go !== true;
  return {
    id,
    sender: sender.id,
    kernels: desk.kernels.standings(session),
    provenance: {
      kind: session.kind,
      verified: session.caller.unverified !== true,
      client: session.caller.client,
      directory: session.caller.directory ?? null,
    },
    ...target,
    body: request.body,
    ...(await adopted(desk, request)),
    data: request.data === undefined ? null : JSON.stringify(request.data),
    thread: request.thread ?? null,
    forwardOf: request.forwardOf ?? null,
    intent: request.intent,
    priority: request.priority,
    ...lifetime(request, now),
    all: {
      kinds: REACHED_BY_ALL,
      seenSince: now - policy.allSeenMs,
      limit: limited ? fanOut : Number.POSITIVE_INFINITY,
    },
    limits: {
      ...policy.quotas,
      depth,
      tireless: guarded ? desk.guard.tireless(sender.id, policy.guard) : null,
    },
    unbornExpiresAt: now + policy.unbornMs,
    kin: guarded ? desk.kin.of(session.caller.program, sender.id) : [],
    heldNotice: guarded ? desk.heldNotices.of(sender, depth) : null,
    now,
  };
}

/** Throws `no_such_file` or `invalid_data` when a blob is not what it is said to be. */
export async function adopted(
  desk: Desk,
  request: Pick<Content, 'bodyBlob' | 'attachments'>,
): Promise<Pick<Posting, 'bodyBlob' | 'attachments'>> {
  const bodyBlob = request.bodyBlob === undefined ? null : await adopt(desk, request.bodyBlob);
  const attachments: PostedBlob[] = [];
  for (const { name, role, ...staged } of request.attachments ?? []) {
    attachments.push({ ...(await adopt(desk, staged)), name, role });
  }
  return { bodyBlob, attachments };
}

async function adopt(desk: Desk, staged: StagedBlob): Promise<BlobRef> {
  return granted(await desk.blobs.adopt(staged)).blob;
}
