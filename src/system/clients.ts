/**
 * The agent programs that start our commands, and how each says which of its sessions it is. A name
 * of VS Code, Cursor's editor or a terminal is not here on purpose: people type in those.
 */
import { type Environment, variable } from './environment.ts';
import { anchorOf, nearestAncestor, processFacts, type Anchor, type ProcessFacts } from './processes.ts';

interface ClientProgram {
  /** As process name, or as a part of the path of its script. */
  readonly names: readonly string[];
  /** Variables that hold the id of the session, the best first. */
  readonly session: readonly string[];
  /** Variables that are set in what it runs. */
  readonly marks: readonly string[];
}

const programs = {
  'claude-code': {
    names: ['claude', 'claude-code'],
    session: ['CLAUDE_CODE_SESSION_ID'],
    marks: ['CLAUDECODE'],
  },
  codex: { names: ['codex'], session: ['CODEX_THREAD_ID', 'CODEX_SESSION_ID'], marks: ['CODEX_SANDBOX'] },
  'copilot-cli': { names: ['copilot'], session: ['COPILOT_SESSION_ID'], marks: [] },
  'cursor-agent': { names: ['cursor-agent'], session: ['CURSOR_SESSION_ID'], marks: ['CURSOR_AGENT'] },
  'gemini-cli': { names: ['gemini', 'gemini-cli'], session: ['GEMINI_SESSION_ID'], marks: ['GEMINI_CLI'] },
  opencode: { names: ['opencode'], session: ['OPENCODE_SESSION_ID'], marks: ['OPENCODE'] },
  'qwen-code': { names: ['qwen', 'qwen-code'], session: ['QWEN_SESSION_ID'], marks: ['QWEN_CODE'] },
} as const satisfies Record<string, ClientProgram>;

export type ClientName = keyof typeof programs;

export interface ClientSession {
  /** A `ClientName`, or what an agent program nobody knows is called. */
  readonly client: string;
  /** Undefined when the program does not tell it. */
  readonly id: string | undefined;
  /** The agent program itself; undefined when it cannot be told. Looked for when it is asked for. */
  readonly process: Anchor | undefined;
}

/**
 * The agent program this command runs under. Of several, the nearest above it counts: what the outer
 * one left in the environment is not the inner one's session (design §5).
 */
export function clientSession(environment: Environment): ClientSession | undefined {
  const marked = clientNames.filter((client) => isMarked(client, environment));
  const nearest = nearestClient(environment);
  if (nearest !== undefined) {
    const { client, facts } = nearest;
    const id = sessionId(client, environment);
    return {
      client,
      id,
      get process() {
        return { pid: facts.pid, startedAt: facts.startedAt };
      },
    };
  }
  // No known program above (it renamed itself, or started us detached): then its marks, if they are one's only.
  const [only, ...others] = marked;
  if (only === undefined) return undefined;
  return {
    client: only,
    id: others.length > 0 ? undefined : sessionId(only, environment),
    process: undefined,
  };
}

/**
 * The session a server serves: it is always an agent program that starts one, known or not, and of
 * one nobody knows the parent process is the best there is to tell its sessions apart.
 */
export function serverSession(environment: Environment, client = 'mcp'): ClientSession {
  const known = clientSession(environment);
  if (known?.process !== undefined) return known;
  return {
    client: known?.client ?? client,
    id: known?.id,
    get process() {
      return anchorOf(environment.parentPid);
    },
  };
}

/** The agent program that stands next above a process. */
export function clientProcess(parentPid: number): Anchor | undefined {
  const facts = nearestClient({ parentPid })?.facts;
  return facts === undefined ? undefined : { pid: facts.pid, startedAt: facts.startedAt };
}

/** The process that a running server serves, found from outside as `serverSession` finds it from within. */
export function servedProcess(pid: number): Anchor | undefined {
  const facts = processFacts(pid);
  return facts === undefined ? undefined : (clientProcess(facts.parent) ?? anchorOf(facts.parent));
}

function nearestClient(
  below: Pick<Environment, 'parentPid'>,
): { readonly client: ClientName; readonly facts: ProcessFacts } | undefined {
  return nearestAncestor(below, (names, facts) => {
    const client = clientNamed(names);
    return client === undefined ? undefined : { client, facts };
  });
}

const clientNames = Object.keys(programs).filter(isClientName);

function isClientName(name: string): name is ClientName {
  return Object.hasOwn(programs, name);
}

function isMarked(client: ClientName, environment: Environment): boolean {
  const program: ClientProgram = programs[client];
  return [...program.session, ...program.marks].some((name) => variable(environment, name) !== undefined);
}

function sessionId(client: ClientName, environment: Environment): string | undefined {
  const program: ClientProgram = programs[client];
  return program.session.map((name) => variable(environment, name)).find((value) => value !== undefined);
}

function clientNamed(names: readonly string[]): ClientName | undefined {
  for (const client of clientNames) {
    const program: ClientProgram = programs[client];
    for (const name of names) if (program.names.includes(name)) return client;
  }
  return undefined;
}
