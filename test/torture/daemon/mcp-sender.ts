/** An agent's MCP server, spoken to line by line, that sends as long as the crowd is there. */
import { lines } from '../../e2e/machine.ts';
import { bodyOf, HANGS_MS, rested, type Crowd } from './crowd.ts';

interface Answer {
  readonly id?: number;
  readonly result?: { readonly content?: readonly { readonly text: string }[]; readonly isError?: boolean };
}

export async function sendByMcp(
  crowd: Crowd,
  parts: { name: string; to: string; binary: string },
): Promise<void> {
  const { name, to, binary } = parts;
  const child = crowd.machine.start(['mcp', '--as', name], { binary });
  const answers = lines(child.stdout);
  const write = async (frame: object): Promise<void> => {
    await child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...frame })}\n`);
    await child.stdin.flush();
  };
  const ask = async (id: number, method: string, params: object): Promise<Answer> => {
    await write({ id, method, params });
    for (;;) {
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`the MCP server of ${name} ended: ${await child.stderr.text()}`);
      const answer = JSON.parse(value) as Answer;
      if (answer.id === id) return answer;
    }
  };
  const clientInfo = { name: 'torture', version: '1' };
  await ask(0, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
  await write({ method: 'notifications/initialized' });
  for (let number = 1; !crowd.over; number += 1) {
    const key = `${name}:${number}`;
    const begun = performance.now();
    const input = { name: 'send', arguments: { to, text: bodyOf(key, 40) } };
    const { result } = await ask(number, 'tools/call', input);
    const took = performance.now() - begun;
    crowd.slowestMs = Math.max(crowd.slowestMs, took);
    if (took > HANGS_MS) crowd.counts.hung += 1;
    const said = result?.content?.[0]?.text ?? '';
    const [id] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(said) ?? [];
    if (result?.isError === true || id === undefined) {
      crowd.counts.failed += 1;
      crowd.complaints.push(`${key}: ${said}`);
      crowd.ledger.unsure.set(key, [to]);
    } else {
      crowd.ledger.acknowledged.set(key, [to]);
      crowd.ledger.ids.set(key, id);
    }
    await rested(crowd.chance.next() * 30);
  }
  child.kill('SIGKILL');
  await child.exited;
}
