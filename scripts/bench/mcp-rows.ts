/** The MCP server of the compiled binary: how soon it is ready, what it holds, what a call and a push cost. */
import { compiled } from './floors.ts';
import { residentMegabytes, startMcp } from './mcp-process.ts';
import { type Row, milliseconds } from './report.ts';
import { openSession } from './session.ts';
import { type Bench, withSite } from './site.ts';
import { median, spread, timed } from './statistics.ts';

export async function mcpRows(bench: Bench): Promise<Row[]> {
  return [...(await readyRows(bench)), await callRow(bench), await channelRow(bench)];
}

/** From the spawn to the answer to `initialize`, with a daemon that runs; in turn with a bare server of the SDK. */
async function readyRows(bench: Bench): Promise<Row[]> {
  const bare = await compiled(bench, 'bare-mcp-server.ts');
  return await withSite(bench, async ({ env }) => {
    const ours: number[] = [];
    const theirs: number[] = [];
    const more: number[] = [];
    for (let round = -2; round < (bench.quick ? 10 : 30); round += 1) {
      const mine = await ready([bench.binary, 'mcp', '--as', 'ready'], env);
      const floor = await ready([bare], env);
      if (round < 0) continue;
      ours.push(mine.took);
      theirs.push(floor.took);
      more.push(mine.megabytes - floor.megabytes);
    }
    const found = median(ours);
    const extra = median(more);
    return [
      {
        measure: 'ipc mcp ready: initialize answered',
        found: milliseconds(found),
        against: `bare SDK server ${milliseconds(median(theirs))}`,
        figure: found,
        aim: '< 80 ms',
        met: found < 80,
        numbers: { ms: found, bareMs: median(theirs), rounds: ours.length },
      },
      {
        measure: 'memory of ipc mcp over a bare SDK server',
        found: `${extra.toFixed(1)} MB`,
        against: 'both after tools/list',
        figure: extra,
        aim: '≤ 10 MB',
        met: extra <= 10,
        numbers: { megabytes: extra, rounds: more.length },
      },
    ];
  });
}

async function ready(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ took: number; megabytes: number }> {
  const begun = performance.now();
  const server = await startMcp(command, { env });
  const took = performance.now() - begun;
  await server.ask('tools/list', {});
  const megabytes = residentMegabytes(server.pid);
  await server.end();
  return { took, megabytes };
}

/** The tool `send` beside the daemon's own `send`, in turn. */
async function callRow(bench: Bench): Promise<Row> {
  return await withSite(bench, async ({ env, socket, ipc }) => {
    // More than the loop guard lets an agent send, under whatever names.
    for (const name of ['guard.burst', 'guard.ratePerMinute']) ipc('config', 'set', name, '100000');
    const daemon = await openSession({ socket, name: 'direct' });
    const server = await startMcp([bench.binary, 'mcp', '--as', 'caller'], { env });
    const tool: number[] = [];
    const own: number[] = [];
    for (let round = -10; round < (bench.quick ? 100 : 300); round += 1) {
      const body = Bun.randomUUIDv7();
      const send = { name: 'send', arguments: { to: 'sink', text: body } };
      const took = await timed(() => server.ask('tools/call', send));
      const direct = await timed(() => daemon.call('send', { id: Bun.randomUUIDv7(), to: ['sink'], body }));
      if (round < 0) continue;
      tool.push(took);
      own.push(direct);
    }
    await server.end();
    daemon.close();
    const over = median(tool) - median(own);
    return {
      measure: 'tool call send over the daemon’s own, p50',
      found: milliseconds(median(tool)),
      against: `the daemon’s own ${milliseconds(median(own))}`,
      figure: over,
      aim: '< 1 ms more',
      met: over < 1,
      numbers: { toolMs: median(tool), ownMs: median(own), rounds: tool.length },
    };
  });
}

/** From the moment the sender writes to the channel's notice on the recipient's stdout. */
async function channelRow(bench: Bench): Promise<Row> {
  return await withSite(bench, async ({ env, socket }) => {
    let marker = '';
    let arrived: (at: number) => void = () => undefined;
    const server = await startMcp([bench.binary, 'mcp', '--as', 'listener'], {
      env,
      notice: (line) => {
        if (line.includes('claude/channel') && line.includes(marker)) arrived(performance.now());
      },
    });
    const sender = await openSession({ socket, name: 'sender' });
    const samples: number[] = [];
    for (let round = -20; round < (bench.quick ? 200 : 1_000); round += 1) {
      marker = Bun.randomUUIDv7();
      const seen = new Promise<number>((resolve) => {
        arrived = resolve;
      });
      const begun = performance.now();
      await sender.call('send', { id: Bun.randomUUIDv7(), to: ['listener'], body: marker });
      const took = (await seen) - begun;
      if (round >= 0) samples.push(took);
    }
    sender.close();
    await server.end();
    const { p50, p99, count } = spread(samples);
    return {
      measure: 'send → channel notice on the recipient’s stdout, p50',
      found: `${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
      against: '',
      figure: p50,
      aim: '< 1.5 ms',
      met: p50 < 1.5,
      numbers: { p50Ms: p50, p99Ms: p99, rounds: count },
    };
  });
}
