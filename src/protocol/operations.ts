/**
 * The one table of operations. The typed client, the dispatcher, the CLI's flags, later the MCP tools
 * and HTTP routes, and the reference in the README are functions of it (design §3). Rows stand in
 * `operations/`, sorted, one file a family.
 */
import type { z } from 'zod';
import { directory } from './operations/directory.ts';
import { kernel } from './operations/kernel.ts';
import { notices } from './operations/notices.ts';
import { reading } from './operations/reading.ts';
import { sending } from './operations/sending.ts';
import { upkeep } from './operations/upkeep.ts';

export const operations = { ...directory, ...kernel, ...notices, ...reading, ...sending, ...upkeep };

export type OperationTable = typeof operations;
export type OperationName = keyof OperationTable;
/** What a caller writes; defaults may be left out. */
export type Input<K extends OperationName> = z.input<OperationTable[K]['input']>;
/** What the broker sees: validated, defaults filled in. */
export type Request<K extends OperationName> = z.output<OperationTable[K]['input']>;
export type Output<K extends OperationName> = z.output<OperationTable[K]['output']>;

export type StreamName = {
  [K in OperationName]: OperationTable[K] extends { stream: true } ? K : never;
}[OperationName];
/** Forwarded by the daemon to the session that hosts the kernel. */
export type ProviderName = {
  [K in OperationName]: OperationTable[K] extends { home: 'provider' } ? K : never;
}[OperationName];
/** Done where it is asked for; no client and no daemon has them. */
export type LocalName = {
  [K in OperationName]: OperationTable[K] extends { home: 'local' } ? K : never;
}[OperationName];
type BrokerName = Exclude<OperationName, ProviderName | LocalName>;
export type CallName = Exclude<OperationName, StreamName | LocalName>;

export interface CallOptions {
  /** Ends the call early: a waiting one gives up, a stream ends. */
  readonly signal?: AbortSignal;
}

/**
 * Everything one session can ask for. Answered by `core/` (in the daemon, bound to a caller, as
 * `Handlers`) and by `rpc/client` (everywhere else); nobody else knows which of the two it holds.
 */
export type Operations = {
  readonly [K in Exclude<OperationName, LocalName>]: K extends StreamName
    ? (input: Input<K>, options?: StreamOptions) => AsyncIterable<Output<K>>
    : (input: Input<K>, options?: CallOptions) => Promise<Output<K>>;
};

export interface StreamOptions extends CallOptions {
  /**
   * Told where the stream begins, before its first item: whoever loses it before one came goes on from
   * there and misses nothing.
   */
  readonly begin?: (cursor: string) => void;
}

/** The broker's own, on the daemon's side of validation: every default is filled in. */
export type Handlers = {
  readonly [K in BrokerName]: K extends StreamName
    ? (request: Request<K>, options: StreamOptions) => AsyncIterable<Output<K>>
    : (request: Request<K>, options: CallOptions) => Promise<Output<K>>;
};

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}
