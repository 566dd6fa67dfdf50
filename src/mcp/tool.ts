/** What a tool is: a few fields of the operations table under a name a model reads well. */
import type { ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import type { OperationName, Operations } from '../protocol/operations.ts';
import type { AgentName } from '../protocol/names.ts';
import type { AutoCheck, Serving, ToolLook } from './parts.ts';

export interface Answer {
  readonly text: string;
  readonly structured?: Record<string, unknown>;
  /** Runs once the answer is with the client. */
  readonly written?: () => Promise<void>;
  /** It has shown what waits: no line about it below. */
  readonly showsUnread?: true;
}

/** One call of a tool. */
export interface Turn {
  readonly operations: Operations;
  readonly reader: string;
  readonly name: string;
  /** Aborted when the client cancels the call, or goes. */
  readonly signal: AbortSignal;
  readonly serving: Pick<Serving, 'staging' | 'places' | 'directory' | 'allowRun'>;
  readonly autoCheck: AutoCheck | undefined;
  look(): ToolLook;
  take(name: AgentName): Promise<string>;
  /** Tells the client every few seconds that the work goes on, if it wants to know. */
  patiently<T>(work: Promise<T>, wait: { readonly text: string; readonly seconds?: number }): Promise<T>;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly annotations: Required<Omit<ToolAnnotations, 'title'>>;
  /** Rows of the operations table it reaches; a test walks the table. */
  readonly operations: readonly OperationName[];
  readonly input: z.ZodObject;
  readonly output?: z.ZodObject;
  run(input: unknown, turn: Turn): Promise<Answer>;
}

export function tool<I extends z.ZodObject>(
  row: Omit<Tool, 'run' | 'input'> & {
    readonly input: I;
    readonly run: (input: z.output<I>, turn: Turn) => Promise<Answer>;
  },
): Tool {
  return { ...row, run: (input, turn) => row.run(row.input.parse(input), turn) };
}

export const reads = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
} as const;
export const writes = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
} as const;
