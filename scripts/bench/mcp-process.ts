/** A server that speaks MCP on stdin and stdout, driven frame by frame so that no client's work is measured. */
import { eachLine } from './lines.ts';
import { isRecord } from './session.ts';

export interface McpProcess {
  readonly pid: number;
  /** Resolves with the result, or rejects with what was found instead. */
  readonly ask: (
    method: string,
    params: Readonly<Record<string, unknown>>,
  ) => Promise<Record<string, unknown>>;
  readonly end: () => Promise<void>;
}

export async function startMcp(
  command: readonly string[],
  how: { env: Readonly<Record<string, string>>; notice?: (line: string) => void },
): Promise<McpProcess> {
  const child = Bun.spawn([...command], { env: how.env, stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' });
  const waiting = new Map<number, (frame: Record<string, unknown>) => void>();
  let last = 0;
  void eachLine(child.stdout, (line) => {
    // What was not asked for is a notice; it is not parsed, the moment of its arrival is what counts.
    if (line.startsWith('{"method"')) return how.notice?.(line);
    const frame: unknown = JSON.parse(line);
    if (!isRecord(frame) || typeof frame['id'] !== 'number') return;
    waiting.get(frame['id'])?.(frame);
    waiting.delete(frame['id']);
  });
  const write = (frame: Readonly<Record<string, unknown>>): void => {
    void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...frame })}\n`);
    void child.stdin.flush();
  };
  const ask: McpProcess['ask'] = async (method, params) => {
    last += 1;
    const id = last;
    const answered = new Promise<Record<string, unknown>>((resolve) => waiting.set(id, resolve));
    write({ id, method, params });
    const { result } = await answered;
    if (isRecord(result) && result['isError'] !== true) return result;
    // Left alive it would keep the bench from ending.
    child.kill();
    throw new Error(`wanted a result of ${method}, found ${JSON.stringify(result)}`);
  };
  await ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: { experimental: { 'claude/channel': {} } },
    clientInfo: { name: 'bench', version: '1' },
  });
  write({ method: 'notifications/initialized' });
  return {
    pid: child.pid,
    ask,
    end: async () => {
      await child.stdin.end();
      await child.exited;
    },
  };
}

/** Resident memory in megabytes. */
export function residentMegabytes(pid: number): number {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'rss=', '-p', String(pid)]);
  return Number(stdout.toString().trim()) / 1_024;
}
