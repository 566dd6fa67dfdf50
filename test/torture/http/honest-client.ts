/**
 * A well-behaved client of `ipc serve` in a process of its own, so that what it measures is the server and
 * not the enemy beside it: sends a message every few milliseconds, reads and confirms its recipient's mail.
 * A line on stdin begins a phase; the end of stdin ends it. stdout gets one JSON object.
 */
import { byContentLength, openLine, type Line } from '../../../scripts/bench/line.ts';
import { moment } from '../moment.ts';

interface Mail {
  readonly id: string;
  readonly attempt: number;
  readonly again: boolean;
  readonly from: { readonly name: string };
}

export interface HonestReport {
  readonly sent: readonly string[];
  /** As they were handed over, in that order. */
  readonly got: readonly string[];
  readonly marked: number;
  /** Milliseconds of each send, by phase. */
  readonly times: Readonly<Record<string, readonly number[]>>;
  readonly refused: readonly string[];
}

const PACE_MS = 3;
const SENDS_A_READ = 25;

async function run([port = '', sender = '', reader = '']: readonly string[]): Promise<HonestReport> {
  const [sending, reading] = [
    await openLine(Number(port), byContentLength),
    await openLine(Number(port), byContentLength),
  ];
  const report = {
    sent: [] as string[],
    got: [] as string[],
    marked: 0,
    times: {} as Record<string, number[]>,
    refused: [] as string[],
  };
  let phase: string | undefined = 'warm';
  void (async () => {
    for await (const line of console) phase = line;
    phase = undefined;
  })();
  const read = async (): Promise<number> => {
    const { messages } = JSON.parse(await ask(reading, reader, 'check', { limit: 100 })) as {
      messages: Mail[];
    };
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    if (messages.length > 0) await ask(reading, reader, 'confirm', { deliveries });
    for (const { id, again, from } of messages) {
      if (from.name !== 'honest') continue;
      report.got.push(id);
      if (again) report.marked += 1;
    }
    return messages.length;
  };
  while (phase !== undefined) {
    const id = Bun.randomUUIDv7();
    const begun = performance.now();
    try {
      await ask(sending, sender, 'send', { id, to: ['friend'], body: `message ${report.sent.length}` });
      report.sent.push(id);
    } catch (error) {
      report.refused.push(String(error));
    }
    (report.times[phase] ??= []).push(performance.now() - begun);
    if (report.sent.length % SENDS_A_READ === 0) await read();
    await moment(PACE_MS);
  }
  while ((await read()) > 0);
  sending.close();
  reading.close();
  return report;
}

async function ask(line: Line, token: string, operation: string, input: object): Promise<string> {
  const payload = JSON.stringify(input);
  const head = `POST /v1/${operation} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n`;
  const answer = await line.ask(
    `${head}content-type: application/json\r\ncontent-length: ${payload.length}\r\n\r\n${payload}`,
  );
  if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer.slice(0, 500));
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await run(process.argv.slice(2)))}\n`);
