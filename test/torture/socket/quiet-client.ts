/**
 * Somebody else's honest work during an attack: one agent sends, another checks and confirms, each on a
 * connection of its own. How long every step took is kept, and in the end what arrived.
 */
import { freshKey, lineClient } from '../line-client.ts';

export interface QuietClient {
  /** So many sends, each of which is looked for by its recipient; returns the milliseconds of every step. */
  work(sends: number): Promise<number[]>;
  /** Throws unless every message that was acknowledged came once, unchanged and in order; returns how many. */
  settle(): Promise<number>;
}

interface Page {
  readonly messages: readonly { readonly id: string; readonly body: string; readonly attempt: number }[];
}

export const QUIET_NAMES = ['quiet-anna', 'quiet-ben'] as const;

export async function quietClient(socket: string): Promise<QuietClient> {
  const [from, to] = QUIET_NAMES;
  const [annaKey, benKey] = [freshKey(), freshKey()];
  const anna = await lineClient(socket, { name: from, key: annaKey });
  const ben = await lineClient(socket, { name: to, key: benKey });
  await ben.call('register', { name: to, key: benKey, hold: true });
  const reader = 'reader-of-ben';
  const acknowledged: string[] = [];
  const arrived: string[] = [];

  const fetch = async (): Promise<number> => {
    const { messages } = await ben.call<Page>('check', { reader, limit: 100, bytes: 100_000 });
    if (messages.length === 0) return 0;
    arrived.push(...messages.map(({ body }) => body));
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    await ben.call('confirm', { reader, door: 'cli', stage: 'handed', deliveries });
    return messages.length;
  };

  return {
    work: async (sends) => {
      const took: number[] = [];
      for (let sent = 0; sent < sends; sent += 1) {
        const body = `number ${acknowledged.length}`;
        const begun = performance.now();
        await anna.call('send', { to: [to], body });
        took.push(performance.now() - begun);
        acknowledged.push(body);
        const asked = performance.now();
        await fetch();
        took.push(performance.now() - asked);
      }
      return took;
    },
    settle: async () => {
      while ((await fetch()) > 0);
      const wrong = acknowledged.findIndex((body, at) => arrived[at] !== body);
      if (wrong >= 0 || arrived.length !== acknowledged.length)
        throw new Error(
          `wanted ${acknowledged.length} messages once and in order, found ${arrived.length}; ` +
            `the first that differs is ${acknowledged[wrong]}, found ${arrived[wrong]}`,
        );
      anna.end();
      ben.end();
      return arrived.length;
    },
  };
}

/** The value that so many hundredths of all are not above. */
export function percentile(values: readonly number[], hundredths: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * hundredths) / 100))] ?? Number.NaN;
}

/** Steps of the quiet client's, window by window; quiet and attack take turns, the machine's own moods fall on both. */
export interface Windows {
  readonly quiet: number[][];
  readonly attacked: number[][];
  /** While the same attack is made on a daemon of another home: what it costs to share the machine only. */
  readonly beside: number[][];
}

export function comparison({ quiet, attacked, beside }: Windows) {
  const middle = (windows: readonly number[][], hundredths: number): number =>
    percentile(
      windows.map((window) => percentile(window, hundredths)),
      50,
    );
  const [before, during, shared] = [middle(quiet, 99), middle(attacked, 99), middle(beside, 99)];
  return {
    ratio: during / before,
    during,
    figures: {
      'quiet p50 ms': middle(quiet, 50).toFixed(2),
      'attacked p50 ms': middle(attacked, 50).toFixed(2),
      'quiet p99 ms': before.toFixed(2),
      'attacked p99 ms': during.toFixed(2),
      'p99 ratio': (during / before).toFixed(2),
      ...(beside.length === 0
        ? {}
        : {
            'p99 ms with another daemon attacked': shared.toFixed(2),
            'p99 ratio to that': (during / shared).toFixed(2),
          }),
    },
  };
}
