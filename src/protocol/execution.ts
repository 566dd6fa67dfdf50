/** One cell of a kernel as it crosses the wire: whose, how far it is, what it has shown. */
import { z } from 'zod';
import { Instant } from './model.ts';

export const ExecutionId = z
  .string()
  .max(80)
  .regex(/^.+-\d+$/, 'wanted the id of an execution, such as py-12')
  .describe('id of an execution, such as py-12');

/**
 * `unknown`: the connection or the host went while it was under way, so whether it finished is not
 * known. `died`: the kernel ended before the cell did. `cancelled`: it never ran.
 */
const executionStates = [
  'queued',
  'running',
  'ok',
  'error',
  'interrupted',
  'cancelled',
  'died',
  'unknown',
] as const;
const ExecutionState = z.enum(executionStates);
export type ExecutionState = z.infer<typeof ExecutionState>;

const SavedImage = z.object({
  path: z.string().describe('where the picture is on this machine'),
  type: z.string(),
  bytes: z.int().nonnegative(),
});
export type SavedImage = z.infer<typeof SavedImage>;

export const Execution = z.object({
  id: ExecutionId,
  kernel: z.string(),
  state: ExecutionState,
  by: z.string().describe('who asked for it'),
  whose: z.enum(['mine', 'agent', 'person', 'other']).describe('whose cell it is, as seen by the caller'),
  code: z.string().describe('its beginning'),
  count: z.int().optional().describe('the number the kernel gave it'),
  ahead: z.int().nonnegative().optional().describe('cells before it in the queue'),
  queuedAt: Instant,
  startedAt: Instant.optional(),
  endedAt: Instant.optional(),
  seconds: z.number().optional().describe('how long it has run'),
  stdout: z.string(),
  stderr: z.string(),
  result: z.string().describe('its value and what it displayed, as text'),
  error: z
    .object({ name: z.string(), value: z.string(), traceback: z.string() })
    .optional()
    .describe('the exception it ended with'),
  images: z.array(SavedImage),
  latest: z.string().optional().describe('the last line it printed, while it runs'),
  asks: z
    .object({ prompt: z.string(), password: z.boolean() })
    .optional()
    .describe('it waits for input(); answer with kernel input'),
  whole: z
    .object({ path: z.string(), bytes: z.int().nonnegative() })
    .optional()
    .describe('all of its output, when the answer has not room for it'),
  notes: z.array(z.string()).describe('what else must be known to read it right'),
});
export type Execution = z.infer<typeof Execution>;

/** Which kernel an execution's id names: what stands before its number. */
export function kernelOfExecution(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}
