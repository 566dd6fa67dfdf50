/** Clients in processes of their own, for races that one process cannot run. */
import type { TestHome } from './home.ts';

const rpc = (name: string): string => JSON.stringify(`${import.meta.dir}/../../src/rpc/${name}.ts`);
const system = (name: string): string => JSON.stringify(`${import.meta.dir}/../../src/system/${name}.ts`);

/** Connects, starting a daemon if there is none, asks for its status and prints the daemon's pid. */
const script = `
  const { Client } = await import(${rpc('client')});
  const { reach } = await import(${rpc('ensure')});
  const { readEnvironment } = await import(${system('environment')});
  const { resolvePaths } = await import(${system('paths')});
  const environment = readEnvironment();
  const paths = resolvePaths(environment);
  const client = new Client({
    connect: (receive) => reach({ paths, environment, start: 'absent' }, receive),
    caller: { client: 'test', kind: 'script', pid: environment.pid },
  });
  const { pid } = await client.operations['daemon.status']({});
  console.log(pid);
  process.exit(0);
`;

/** Pid of the daemon the client reached. */
export async function clientProcess(
  home: TestHome,
  variables: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = Bun.spawn([process.execPath, '-e', script], {
    cwd: home.path,
    env: { ...home.variables, ...variables },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  // Ends when nobody holds the pipe any more: a daemon that inherited it would keep this waiting.
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`client exited ${code}: ${stderr}`);
  return Number(stdout);
}
