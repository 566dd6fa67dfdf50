/**
 * A kernel through the whole path (client → daemon → host → kernel), beside Jupyter's own client on the very same
 * kernel in the same run; and what its host holds. Without Debian's ipykernel there is nothing to measure.
 */
import { join } from 'node:path';
import { residentMegabytes } from './mcp-process.ts';
import { type Row, milliseconds } from './report.ts';
import { openSession } from './session.ts';
import { type Bench, type Ran, run, type Site, succeed, withSite } from './site.ts';
import { median, timed } from './statistics.ts';

const PYTHON = '/usr/bin/python3';
const FLOOD = "for i in range(50): print('x' * 1048576)";

/** Prints the median of its cells and the time of one flood, in milliseconds. */
const THEIRS = `
import sys, time, json, statistics
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=30)
quiet = lambda message: None
def timed(code):
    begun = time.perf_counter()
    client.execute_interactive(code, timeout=120, output_hook=quiet)
    return (time.perf_counter() - begun) * 1000
times = [timed('1+1') for _ in range(int(sys.argv[2]))][10:]
print(json.dumps({'cell': statistics.median(times), 'flood': timed(sys.argv[3])}))
client.stop_channels()
`;

interface Started {
  readonly connectionFile: string;
}

export async function kernelRows(bench: Bench): Promise<Row[]> {
  if (run([PYTHON, '-c', 'import ipykernel, jupyter_client'], {}).status !== 0) {
    bench.note("no rows of kernels: wanted Debian's python3-ipykernel and python3-jupyter-client");
    return [];
  }
  return await withSite(bench, async (site) => {
    const env = { ...site.env, PATH: '/usr/bin:/bin', IPC_AGENT: 'bench' };
    const ipc = (...args: readonly string[]): Ran => succeed(run([bench.binary, ...args], env), args);
    const { connectionFile } = JSON.parse(ipc('kernel', 'start', 'py', '--json').stdout) as Started;
    try {
      return await measured(bench, site, { connectionFile, env });
    } finally {
      ipc('kernel', 'shutdown', 'py');
    }
  });
}

async function measured(
  bench: Bench,
  { home, socket }: Site,
  { connectionFile, env }: Started & { readonly env: Readonly<Record<string, string>> },
): Promise<Row[]> {
  const record = (await Bun.file(join(home, 'kernels/py/host.json')).json()) as { host: number };
  const idle = residentMegabytes(record.host);
  const key = (await Bun.file(join(home, 'keys/bench')).text()).trim();
  const session = await openSession({ socket, name: 'bench', key });
  const cells = bench.quick ? 60 : 210;
  const ours = { cell: [] as number[], flood: [] as number[] };
  const theirs = { cell: [] as number[], flood: [] as number[] };
  for (let round = 0; round < 3; round += 1) {
    const times: number[] = [];
    for (let cell = 0; cell < cells; cell += 1)
      times.push(await timed(() => session.call('kernel.execute', { kernel: 'py', code: '1+1' })));
    ours.cell.push(median(times.slice(10)));
    ours.flood.push(
      await timed(() => session.call('kernel.execute', { kernel: 'py', code: FLOOD, wait: 120 })),
    );
    const other = succeed(run([PYTHON, '-c', THEIRS, connectionFile, String(cells), FLOOD], env), [
      'jupyter_client',
    ]);
    const found = JSON.parse(other.stdout) as { cell: number; flood: number };
    theirs.cell.push(found.cell);
    theirs.flood.push(found.flood);
  }
  session.close();
  return [
    beside('a cell of a kernel, 1+1 to idle, whole path', {
      ours: ours.cell,
      theirs: theirs.cell,
      most: 1.2,
    }),
    beside('50 MB printed by a cell', { ours: ours.flood, theirs: theirs.flood, most: 1.5 }),
    {
      measure: 'memory of the host of an idle kernel',
      found: `${idle.toFixed(1)} MB`,
      against: '',
      figure: idle,
      aim: '< 60 MB',
      met: idle < 60,
      numbers: { megabytes: idle },
    },
  ];
}

function beside(
  measure: string,
  { ours, theirs, most }: { ours: readonly number[]; theirs: readonly number[]; most: number },
): Row {
  const [own, other] = [median(ours), median(theirs)];
  const ratio = own / other;
  return {
    measure,
    found: milliseconds(own),
    against: `jupyter_client ${milliseconds(other)}`,
    figure: ratio,
    aim: `≤ ${most} ×`,
    met: ratio <= most,
    numbers: { ms: own, theirMs: other, rounds: ours.length },
  };
}
