/**
 * What crosses the socket: JSON-RPC 2.0, one object a line, in both directions (design §3). Plain
 * types and constants, no zod: every cold command loads this file.
 *
 * Methods that begin with `rpc.` belong to the wire itself (JSON-RPC 2.0 §8 reserves the prefix):
 *   rpc.hello   request   first frame of a session
 *   rpc.ping    request   a sign of life is wanted; older daemons answer that they do not know it, which is one
 *   rpc.cancel  notice    { id }            the caller no longer wants the answer
 *   rpc.begin   notice    { id, cursor }    where a stream begins, before its first item; not every stream says so
 *   rpc.next    notice    { id, value }     one item of a stream
 *   rpc.credit  notice    { id, count }     the reader can take so many more items
 * A stream is a request whose response comes when the stream ends.
 */
import type { FailureBody } from './failures.ts';

/** Versions of the wire this build speaks, oldest and newest. */
export const PROTOCOL = { min: 1, max: 1 } as const;
/** A longer frame ends the connection. */
export const MAX_FRAME_BYTES = 1_048_576;
/** Items a stream may have under way before the reader gives more credit. */
export const STREAM_CREDIT = 64;

export type RpcId = number | string;

export interface RpcRequest {
  readonly jsonrpc: '2.0';
  readonly id: RpcId;
  readonly method: string;
  readonly params?: unknown;
}

export interface RpcNotice {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: unknown;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: FailureBody;
}

export type RpcResponse =
  | { readonly jsonrpc: '2.0'; readonly id: RpcId; readonly result: unknown }
  | { readonly jsonrpc: '2.0'; readonly id: RpcId | null; readonly error: RpcError };

export type RpcFrame = RpcRequest | RpcNotice | RpcResponse;

/** How a session says whom it acts for. */
export interface Credential {
  readonly name: string;
  /** 256 random bits, base64url; the daemon keeps only its hash. */
  readonly key: string;
}

/** Facts about the calling process; shown by `who`, stamped on what it sends. */
export interface Caller {
  readonly client: string;
  /** `webhook`: passes on what others post; it may only send, and only such a session acts for a webhook. `kernel`: hosts one. */
  readonly kind: 'human' | 'agent' | 'script' | 'webhook' | 'kernel';
  /** It cannot tell who wrote what it passes on: its messages are not marked verified. */
  readonly unverified?: boolean;
  readonly pid: number;
  /** The agent program this runs in or for, whatever name it acts under: the same text each time. */
  readonly program?: string;
  readonly directory?: string;
  readonly project?: string;
  readonly branch?: string;
}

/**
 * First frame. With a shared secret it is sent twice: first with `nonce` alone, answered by
 * `Challenge`; then whole, with `proof`. So the credential leaves the client only after the daemon
 * proved that it knows the secret too (design §5).
 */
export interface Hello {
  readonly protocol: { readonly min: number; readonly max: number };
  readonly version: string;
  readonly nonce?: string;
  readonly proof?: string;
  readonly caller?: Caller;
  readonly credential?: Credential;
  /** The name came from `--as`: while a live session holds it, `check` only peeks (design §5). */
  readonly borrowed?: boolean;
}

/** The daemon's answer to a nonce: its own proof over it, and a nonce to be proven. */
export interface Challenge {
  readonly version: string;
  readonly nonce: string;
  readonly proof: string;
}

/** The session is open. */
export interface Welcome {
  readonly version: string;
  readonly protocol: number;
  readonly pid: number;
  /** The name it acts for now: another than asked for when that one was renamed. */
  readonly agent?: string;
  /** The name was taken by this very hello. */
  readonly created?: boolean;
}
