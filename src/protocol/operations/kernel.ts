/**
 * Operations about Jupyter kernels. Most are answered by the process that hosts the kernel; the daemon
 * forwards and says who asks (design §3, §5). Finding, starting and attaching is done by the caller's own
 * process, with its rights and in its environment.
 */
import { z } from 'zod';
import { Execution, ExecutionId } from '../execution.ts';
import { Instant, Kind, Name } from '../model.ts';
import { local, provided } from './define.ts';

/** Characters of output that an answer carries unless asked for more. */
const ANSWER_CHARACTERS = 16_384;
const MAX_CODE = 262_144;

const kernelName = Name.optional().describe('name of the kernel; the only one there is when absent');
const everywhere = ['cli', 'mcp', 'http'] as const;

const wait = z
  .number()
  .min(0)
  .max(3_600)
  .optional()
  .describe('seconds to wait for the end; then the cell runs on and its id is the answer');
const most = z
  .int()
  .min(256)
  .max(100_000)
  .default(ANSWER_CHARACTERS)
  .describe('characters of output at most; of more its head and tail');

/** A kernel on this machine, hosted or not. */
const KernelFound = z.object({
  name: z.string().optional().describe('its name as an agent, when it has a host'),
  connectionFile: z.string(),
  owner: z.string().describe('whose it is: ours, a Spyder console or its spare, a notebook, …'),
  live: z.boolean(),
  language: z.string().optional(),
  pid: z.int().optional(),
  hosted: z.boolean().describe('it can be executed on by name now'),
});

const Started = z.object({
  kernel: z.string(),
  connectionFile: z.string(),
  owner: z.string().describe('who may execute on it, beside people and those it allows'),
  allowed: z.array(z.string()),
  pid: z.int().optional(),
  ours: z.boolean().describe('it was started by ipc'),
  language: z.string().optional(),
  notes: z.array(z.string()),
});

const allow = z.array(Name).max(64).optional().describe('who else may execute on it');

export const kernel = {
  'kernel.allow': provided({
    summary: 'Let others execute on a kernel of mine, or no longer',
    repeat: 'safe',
    surfaces: everywhere,
    failures: [],
    input: z.object({
      kernel: kernelName,
      names: z.array(Name).min(1).max(64).describe('whom'),
      off: z.boolean().optional().describe('take it back'),
    }),
    output: z.object({ kernel: z.string(), owner: z.string(), allowed: z.array(z.string()) }),
  }),
  'kernel.complete': provided({
    summary: 'What could stand at a place in code',
    repeat: 'safe',
    surfaces: ['cli', 'http'],
    failures: [],
    input: z.object({
      kernel: kernelName,
      code: z.string().max(MAX_CODE),
      cursor: z.int().nonnegative().optional().describe('place in characters; the end when absent'),
    }),
    output: z.object({ matches: z.array(z.string()), start: z.int(), end: z.int() }),
  }),
  'kernel.connect': local({
    summary: "Attach to a live kernel, a person's or one of ours",
    repeat: 'safe',
    surfaces: ['cli', 'mcp'],
    failures: [
      'cannot_create',
      'conflict',
      'kernel_unavailable',
      'name_live',
      'name_taken',
      'no_such_file',
      'no_such_kernel',
    ],
    input: z.object({
      connectionFile: z
        .string()
        .max(4_096)
        .optional()
        .describe('connection file, or its name without folder'),
      name: Name.optional().describe('what it is called here'),
      allow,
    }),
    output: Started,
  }),
  'kernel.disconnect': provided({
    summary: 'Leave a kernel alone: its host ends, it and its variables stay',
    repeat: 'safe',
    surfaces: everywhere,
    failures: [],
    input: z.object({ kernel: kernelName }),
    output: z.object({ kernel: z.string(), connectionFile: z.string(), cancelled: z.int().nonnegative() }),
  }),
  'kernel.execute': provided({
    summary: 'Run code in a kernel; what takes longer than the wait runs on',
    repeat: 'unsafe',
    surfaces: everywhere,
    failures: [],
    input: z.object({
      kernel: kernelName,
      code: z.string().min(1).max(MAX_CODE),
      wait: wait.default(30),
      most,
      askInput: z
        .boolean()
        .optional()
        .describe('input() waits for an answer; without it input() fails at once'),
      notify: Name.optional().describe('who is sent a message when it ends'),
    }),
    output: Execution,
  }),
  'kernel.history': provided({
    summary: 'What was run on a kernel, and by whom',
    repeat: 'safe',
    surfaces: everywhere,
    failures: [],
    input: z.object({
      kernel: kernelName,
      search: z.string().max(1_000).optional().describe('text in its code or output'),
      limit: z.int().positive().max(500).default(20).describe('how many, the newest'),
    }),
    output: z.object({ kernel: z.string(), executions: z.array(Execution) }),
  }),
  'kernel.input': provided({
    summary: 'Answer the input() a cell waits at',
    repeat: 'unsafe',
    surfaces: everywhere,
    failures: ['no_such_execution'],
    input: z.object({ id: ExecutionId, value: z.string().max(65_536).describe('the line') }),
    output: z.object({ id: z.string() }),
  }),
  'kernel.inspect': provided({
    summary: 'Look at one variable, also while a cell runs',
    repeat: 'safe',
    surfaces: everywhere,
    failures: ['no_such_file'],
    input: z.object({ kernel: kernelName, variable: z.string().min(1).max(1_000), most }),
    output: z.object({
      kernel: z.string(),
      variable: z.string(),
      type: z.string().optional(),
      text: z.string(),
    }),
  }),
  'kernel.interrupt': provided({
    summary: 'Stop the cell that runs; its kernel and variables stay',
    repeat: 'safe',
    surfaces: everywhere,
    failures: [],
    input: z.object({ kernel: kernelName }),
    output: z.object({
      kernel: z.string(),
      outcome: z.enum(['stopped', 'idle', 'still-running']),
      steps: z.array(z.string()).describe('what was tried'),
      advice: z.string().optional(),
    }),
  }),
  'kernel.list': local({
    summary: 'Kernels on this machine, and whose they are',
    repeat: 'safe',
    surfaces: ['cli', 'mcp'],
    failures: [],
    input: z.object({}),
    output: z.object({ kernels: z.array(KernelFound) }),
  }),
  'kernel.restart': provided({
    summary: 'Start a kernel anew at the same connection file; its variables are lost',
    repeat: 'unsafe',
    surfaces: everywhere,
    failures: ['cannot_create', 'no_such_file'],
    input: z.object({ kernel: kernelName }),
    output: z.object({ kernel: z.string(), pid: z.int().optional(), cancelled: z.int().nonnegative() }),
  }),
  'kernel.result': provided({
    summary: 'How far an execution is and what it has shown',
    repeat: 'safe',
    surfaces: everywhere,
    failures: ['no_such_execution'],
    input: z.object({
      id: ExecutionId,
      wait: wait.default(0),
      most,
      from: z.int().nonnegative().optional().describe('byte of the whole output to read from'),
      bytes: z.int().positive().max(100_000).default(65_536).describe('with from: how many'),
    }),
    output: Execution.extend({
      part: z.string().optional().describe('with from: that part of the whole output'),
    }),
  }),
  'kernel.shutdown': provided({
    summary: 'End a kernel; its variables are lost',
    repeat: 'unsafe',
    surfaces: everywhere,
    failures: [],
    input: z.object({
      kernel: kernelName,
      force: z.boolean().optional().describe('even one that ipc did not start'),
    }),
    output: z.object({ kernel: z.string(), ended: z.boolean(), how: z.string() }),
  }),
  'kernel.specs': local({
    summary: 'Kernels that can be started here',
    repeat: 'safe',
    surfaces: ['cli', 'mcp'],
    failures: [],
    input: z.object({}),
    output: z.object({
      specs: z.array(
        z.object({ name: z.string(), displayName: z.string(), language: z.string(), folder: z.string() }),
      ),
    }),
  }),
  'kernel.start': local({
    summary: 'Start a kernel that outlives this session; others can share it',
    repeat: 'unsafe',
    surfaces: ['cli', 'mcp'],
    failures: [
      'cannot_create',
      'conflict',
      'kernel_unavailable',
      'name_live',
      'name_taken',
      'no_such_file',
      'no_such_kernel',
    ],
    input: z.object({
      name: Name.optional().describe('what it is called; py when absent'),
      spec: z
        .string()
        .max(200)
        .optional()
        .describe('which kernel, as kernel specs lists them; python3 when absent'),
      connectionFile: z
        .string()
        .max(4_096)
        .optional()
        .describe('a connection file whose ports and key it takes'),
      private: z.boolean().optional().describe('only ipc can reach it, no IDE'),
      autoreload: z.boolean().optional().describe('edited modules are loaded anew before each cell'),
      dryRun: z.boolean().optional().describe('only say what would be started'),
      allow,
    }),
    output: Started.extend({ command: z.array(z.string()) }),
  }),
  'kernel.status': provided({
    summary: 'Facts about a kernel: whether it lives, for whom it is busy, its memory',
    repeat: 'safe',
    surfaces: everywhere,
    failures: [],
    input: z.object({ kernel: kernelName }),
    output: z.object({
      kernel: z.string(),
      state: z.enum(['starting', 'idle', 'busy', 'unreachable', 'dead']),
      heartbeatMs: z.number().optional().describe('absent: no answer'),
      control: z.boolean().describe('it answers while a cell runs'),
      busyFor: z.string().optional().describe('whose cell runs'),
      running: z.string().optional().describe('id of the cell that runs, when it was asked for here'),
      queued: z.int().nonnegative(),
      owner: z.string(),
      allowed: z.array(z.string()),
      ours: z.boolean(),
      connectionFile: z.string(),
      language: z.string().optional(),
      pid: z.int().optional(),
      memoryBytes: z.int().optional(),
      since: Instant.describe('when this host attached'),
      notes: z.array(z.string()),
    }),
  }),
  'kernel.variables': provided({
    summary: 'Variables of a kernel, also while a cell runs',
    repeat: 'safe',
    surfaces: everywhere,
    failures: [],
    input: z.object({
      kernel: kernelName,
      limit: z.int().positive().max(1_000).default(100).describe('how many at most'),
    }),
    output: z.object({
      kernel: z.string(),
      variables: z.array(z.object({ name: z.string(), type: z.string(), value: z.string() })),
      more: z.int().nonnegative().describe('how many were left out'),
      how: z.string().describe('how they were read'),
    }),
  }),
};

/** Who asks a host, as the daemon stamps it on a forwarded call. */
const Asker = z.object({
  name: z.string(),
  kind: Kind,
  verified: z.boolean(),
  client: z.string(),
  once: z.string().optional().describe('the name its right was given to; it has another since'),
});
export type Asker = z.infer<typeof Asker>;
