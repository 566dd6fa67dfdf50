/** What one server is made of: what its maker hands it, and what its own parts share. */
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { AgentName } from '../protocol/names.ts';
import type { StagedAttachment } from '../protocol/model.ts';
import type { Input, OperationName, Operations, Output } from '../protocol/operations.ts';
import type { Style } from '../present/style.ts';
import type { SystemClock } from '../system/clock.ts';
import type { LocalOffset } from '../system/zone.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import type { HandOvers } from './hand-over.ts';
import type { Places } from './places.ts';

/** The session this server acts through. */
export interface Holder {
  readonly operations: Operations;
  /** Who leases; one for the life of the session. */
  readonly reader: string;
  /** As it is now. */
  readonly name: string;
  /** What is said once, with the first answer: the name, who is here, what waits. */
  greeting(): Promise<string>;
  /** True: it acts under another name from now on. */
  follow(): Promise<boolean>;
  /** Takes a name of this user's, or becomes it; returns what to tell. */
  take(name: AgentName): Promise<string>;
}

export type TextContent = Pick<Input<'send'>, 'body' | 'bodyBlob'>;

export interface CommandOutput {
  readonly text: string;
  readonly attachments: readonly StagedAttachment[];
  readonly data: NonNullable<Input<'send'>['data']>;
}

/** Puts into the home's staging folder what a message carries. */
export interface Staging {
  text(text: string): Promise<TextContent>;
  file(path: string, signal: AbortSignal): Promise<StagedAttachment>;
  /** Runs a command in a directory, without a shell. */
  run(line: string, place: { directory: string; signal: AbortSignal }): Promise<CommandOutput>;
}

/** How often hooks hand over unasked: the words of `ipc autocheck`. */
export type AutoCheck = (
  wish: { action: 'start'; minutes: number } | { action: 'stop' | 'status' },
) => Promise<string>;

/** What a process does about kernels without asking the daemon. */
export interface LocalKernels {
  list(input: Input<'kernel.list'>): Promise<Output<'kernel.list'>>;
  specs(): Promise<Output<'kernel.specs'>>;
  start(input: Input<'kernel.start'>, owner: string): Promise<Output<'kernel.start'>>;
  connect(input: Input<'kernel.connect'>, owner: string): Promise<Output<'kernel.connect'>>;
}

export interface ServingParts {
  /** The session, opened with the first use; after a failure the next use tries again. */
  readonly holder: () => Promise<Holder>;
  readonly staging: Staging;
  readonly clock: Pick<SystemClock, 'now' | 'after'>;
  readonly offset: LocalOffset;
  /** Where the client runs: files are opened below it when it names no roots. */
  readonly directory: string;
  /** Keys are in there: none of its files is ever attached. */
  readonly home: string;
  readonly allowRun: boolean;
  /** Files of this machine may be attached, below the client's folders. */
  readonly allowFiles: boolean;
  /** Whether what this channel says now can come before the model; asked anew each time. */
  readonly channel: (declared: boolean) => boolean;
  /** Over a line that may be cut: resolves when the client has all that was pushed so far, rejects when it cannot be known. */
  readonly received?: (() => Promise<void>) | undefined;
  /** Which operations this session may use; all when absent. */
  readonly allows?: ((operation: OperationName) => boolean) | undefined;
  /** `handshake`: arrivals are followed from then on. `told`: from `listen` on. */
  readonly follows: 'handshake' | 'told';
  readonly autoCheck?: AutoCheck | undefined;
  /** With it the tools for kernels are there too. */
  readonly kernels?: LocalKernels | undefined;
  /** Without the tools for messages. */
  readonly kernelsOnly?: boolean | undefined;
}

export interface Serving extends ServingParts {
  readonly mcp: McpServer;
  readonly server: McpServer['server'];
  readonly arrivals: Arrivals;
  readonly handOvers: HandOvers;
  readonly places: Places;
  /** Ends with the connection. */
  readonly signal: AbortSignal;
  say(level: 'info' | 'warning', text: string): void;
  /** The next arrival is fetched when this one was taken. */
  onArrival(listener: (arrival: Arrival) => Promise<void> | void): void;
}

export interface ToolLook {
  readonly style: Style;
  readonly now: number;
  readonly offset: LocalOffset;
}
