/** What a tool is: a few fields of the operations table under a name a model reads well. */
import type { ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import type { OperationName, Operations } from '../protocol/operations.ts';
import { readBy } from '../protocol/reading.ts';
import type { AgentName } from '../protocol/names.ts';
import type { AutoCheck, LocalKernels, Serving, ToolLook } from './parts.ts';

/** As MCP's image content has it. */
export interface Picture {
  readonly type: 'image';
  readonly mimeType: string;
  readonly data: string;
}

export interface Answer {
  readonly text: string;
  readonly pictures?: readonly Picture[];
  /** What was asked for was done, and came out wrong: the code raised. */
  readonly failed?: true;
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
  /** Undefined where this server starts no kernels. */
  readonly kernels: LocalKernels | undefined;
  /** Asks whoever sits before the client; undefined when the client cannot. Answers undefined when they decline. */
  readonly elicit: ((question: string) => Promise<string | undefined>) | undefined;
  /** How far it is, for a client that wants to know. */
  tell(progress: { readonly text: string; readonly at: number; readonly seconds: number }): void;
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
  return {
    ...row,
    run: async (input, turn) => {
      const read = readBy(row.input, input);
      if (!read.success) throw read.error;
      return row.run(read.data, turn);
    },
  };
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
