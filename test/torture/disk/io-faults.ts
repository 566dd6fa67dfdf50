/** A disk that refuses the daemon's calls at random moments: what was acknowledged is there, once, and nobody hangs. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMachine, type Machine } from '../../e2e/machine.ts';
import type { Attack, AttackParts } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';
import { errnos, missingForDisk, struck, watchDisk, type Fault, type WatchedDisk } from './disk.ts';
import { lineClient, type Answer, type LineClient } from '../line-client.ts';

const READER = 'bob';
const SENDERS = ['ann', 'cyd'] as const;
const ROUNDS: Readonly<Record<AttackParts['form'], number>> = { short: 30, long: 600 };
/** Messages of each sender in a round, all under way at once. */
const TOGETHER = 6;
/** A call that is not answered in this time hangs. */
const HANGS_MS = 20_000;
/** Tries of one message once the disk is well again. */
const TRIES = 5;

export const ioFaults: Attack = {
  name: 'io-faults',
  promise:
    'a disk that fails the daemon at any call makes it acknowledge nothing that is not stored, and it goes on when the disk does',
  missing: missingForDisk,
  shortMs: 120_000,
  run: async ({ form, seed, say }) => {
    await using machine = await openMachine();
    using disk = await watchDisk(machine.home);
    const storm = new Storm(machine, disk, chance(seed));
    await storm.begin();
    for (let round = 1; round <= ROUNDS[form]; round += 1) {
      await storm.round(round);
      if (round % 50 === 0) say(`round ${round} of ${ROUNDS[form]}: ${disk.injected()} faults`);
    }
    return { faults: disk.injected(), ...(await storm.verdict()) };
  },
};

interface Message {
  readonly id: string;
  readonly from: string;
  readonly body: string;
}

class Storm {
  readonly #machine: Machine;
  readonly #disk: WatchedDisk;
  readonly #luck: Chance;
  readonly #clients = new Map<string, LineClient>();
  readonly #acknowledged = new Map<string, Message>();
  readonly #refused = new Map<string, number>();

  constructor(machine: Machine, disk: WatchedDisk, luck: Chance) {
    this.#machine = machine;
    this.#disk = disk;
    this.#luck = luck;
  }

  async begin(): Promise<void> {
    for (const name of SENDERS) await this.#ipc('send', READER, 'here', '--as', name);
    await this.#ipc('check', '--as', READER);
  }

  async round(number: number): Promise<void> {
    this.#disk.arm(this.#fault());
    const messages = SENDERS.flatMap((from) =>
      Array.from({ length: TOGETHER }, (_, n) => ({
        id: Bun.randomUUIDv7(),
        from,
        body: `${from} ${number} ${n} ${'x'.repeat(this.#luck.below(3_000))}`,
      })),
    );
    const attached = await this.#attachment(number);
    const failed: Message[] = [];
    const [byFile, checked] = await Promise.all([
      this.#machine.run([...attached.command], { env: this.#disk.environment }),
      this.#machine.run(['check', '--as', READER, '--limit', '3'], { env: this.#disk.environment }),
      ...messages.map(async (message) => {
        if (!(await this.#send(message))) failed.push(message);
      }),
    ]);
    for (const { code, stderr } of [byFile, checked]) {
      if (code === 1 || (code !== 0 && !stderr.includes('try: '))) throw new Error(`no help in: ${stderr}`);
    }
    if (byFile.code === 0) this.#acknowledged.set(attached.message.id, attached.message);
    else this.#count(`exit ${byFile.code}`);
    this.#disk.arm({ kinds: struck.none, after: 0, times: 0, errno: 0 });
    if (byFile.code !== 0) {
      await this.#ipc(...attached.command);
      this.#acknowledged.set(attached.message.id, attached.message);
    }
    for (const message of failed) await this.#again(message);
  }

  async verdict(): Promise<Record<string, number | string>> {
    const text = await this.#ipc('export', '--as', READER, '--json');
    const found = new Map<string, string[]>();
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const { id, body } = JSON.parse(line) as { id?: string; body: string };
      if (id !== undefined) found.set(id, [...(found.get(id) ?? []), body]);
    }
    const all = [...this.#acknowledged.values()];
    const lost = all.filter(({ id, body }) => !found.get(id)?.includes(body)).length;
    const doubled = [...found.values()].filter((bodies) => bodies.length > 1).length;
    // Once each by the words of it too: a retry that was stored under another id would be found here.
    const bodies = new Map<string, number>();
    for (const [body = ''] of found.values()) bodies.set(body, (bodies.get(body) ?? 0) + 1);
    const twice = [...bodies].filter(([body, count]) => count > 1 && body !== 'here').length;
    const doctor = await this.#machine.json<{ findings: { what: string; state: string; found: string }[] }>([
      'doctor',
    ]);
    const store = doctor.findings.find(({ what }) => what === 'store');
    if (lost + doubled + twice > 0 || store?.state !== 'ok')
      throw new Error(`lost ${lost}, doubled ${doubled + twice}, store: ${store?.found}`);
    const refusals = [...this.#refused].map(([code, count]) => `${code} ${count}`).join(', ');
    return { acknowledged: all.length, lost, doubled: doubled + twice, hung: 0, refusals };
  }

  #fault(): Fault {
    const luck = this.#luck;
    const { EIO, ENOSPC, EROFS, EDQUOT, EMFILE } = errnos;
    const errno = luck.pick([EIO, EIO, ENOSPC, EROFS, EDQUOT, EMFILE, 0]);
    if (errno === EMFILE) return { kinds: struck.name, errno, after: luck.below(3), times: 3 };
    const kinds =
      errno === 0 ? struck.write : luck.pick([struck.sync, struck.write, struck.name, struck.any]);
    return {
      kinds,
      errno,
      after: luck.below(kinds === struck.write ? 80 : 6),
      times: luck.pick([1, 1, 3, 50]),
    };
  }

  /** True: acknowledged. */
  async #send({ id, from, body }: Message): Promise<boolean> {
    const answer = await this.#call(from, 'send', { to: [READER], id, body });
    if (answer?.result !== undefined) {
      this.#acknowledged.set(id, { id, from, body });
      return true;
    }
    const { code, hint } = answer?.error?.data ?? { code: 'connection closed', hint: '-' };
    if (hint === '' || code === 'internal')
      throw new Error(`an error without help: ${JSON.stringify(answer)}`);
    this.#count(code);
    return false;
  }

  async #again(message: Message): Promise<void> {
    for (let tries = 1; tries <= TRIES; tries += 1) if (await this.#send(message)) return;
    throw new Error(`the disk is well, and ${message.id} was refused ${TRIES} times more`);
  }

  async #attachment(number: number): Promise<{ message: Message; command: readonly string[] }> {
    const file = join(this.#machine.directory, 'attached');
    await writeFile(file, `${number} ${this.#luck.next()}`);
    const message = { id: Bun.randomUUIDv7(), from: 'ann', body: `file ${number}` };
    const command = ['send', READER, message.body, '--file', file, '--id', message.id, '--as', 'ann'];
    return { message, command };
  }

  async #call(name: string, method: string, params: unknown): Promise<Answer | undefined> {
    const client = await this.#client(name).catch(() => undefined);
    if (client === undefined) return undefined;
    const hangs = new Promise<never>((_, reject) => {
      AbortSignal.timeout(HANGS_MS).addEventListener('abort', () => reject(new Error(`${method} hangs`)));
    });
    hangs.catch(() => undefined);
    return Promise.race([client.ask(method, params), hangs]);
  }

  #opening = new Map<string, Promise<LineClient>>();

  /** Its connection; a new one, to a new daemon if need be, when that is gone. */
  async #client(name: string): Promise<LineClient> {
    const known = this.#clients.get(name);
    if (known?.closed === false) return known;
    const opening = this.#opening.get(name) ?? this.#open(name);
    this.#opening.set(name, opening);
    return opening.finally(() => this.#opening.delete(name));
  }

  async #open(name: string): Promise<LineClient> {
    const started = await this.#machine.run(['daemon', 'start'], { env: this.#disk.environment });
    if (started.code !== 0) this.#count(`start ${started.code}`);
    const key = (await readFile(join(this.#machine.home, 'keys', name), 'utf8')).trim();
    const client = await lineClient(join(this.#machine.home, 'ipc.sock'), { name, key });
    this.#clients.set(name, client);
    return client;
  }

  #count(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  #ipc(...args: string[]): Promise<string> {
    return this.#machine.ok(args, { env: this.#disk.environment });
  }
}
