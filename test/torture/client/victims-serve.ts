/** `ipc serve` killed in the middle of a request: its clients come back to the next one and ask again. */
import { Caller, Events, openDoor, type HttpDoor } from '../../e2e/http-door.ts';
import { fromGithub, push } from '../../e2e/webhook-site.ts';
import {
  killWithin,
  mailOf,
  Tally,
  wantShown,
  wantStored,
  type Mail,
  type Stage,
  type Victim,
} from './killing.ts';

/** Requests of a round, two at a time. */
const REQUESTS = 6;
const LANES = 2;

/** Tokens and webhooks are the home's: made once, good for every server after. */
export interface Standing {
  readonly sender: string;
  readonly reader: string;
  readonly follower: string;
  readonly hookSecret: string;
}

type Answers = readonly PromiseSettledResult<Response>[];

interface Work {
  readonly door: HttpDoor;
  /** Asks for each in turn, and counts what is answered. */
  each<T>(all: readonly T[], ask: (one: T) => Promise<Response>): Promise<Answers>;
}

/** Killed after some of the answers have come, or a little later. */
async function shotDown(
  { machine, random, usualMs }: Stage,
  asked: number,
  work: (work: Work) => Promise<Answers>,
): Promise<{ readonly answers: Answers; readonly next: HttpDoor }> {
  const door = await openDoor(machine);
  const answered = new Tally(random.below(asked + 1));
  const each: Work['each'] = async (all, ask) => {
    const answers: PromiseSettledResult<Response>[] = [];
    const left = [...all.entries()];
    const lane = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [at, one] = next;
        [answers[at]] = await Promise.allSettled([ask(one)]);
        answered.add();
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return answers;
  };
  const working = work({ door, each });
  await answered.reached(5_000);
  await killWithin(door.child, random, usualMs / 3);
  const answers = await working;
  // As a supervisor does it: at the same port.
  return { answers, next: await openDoor(machine, ['--port', String(door.port)]) };
}

function isDone(answer: PromiseSettledResult<Response> | undefined): boolean {
  return answer?.status === 'fulfilled' && answer.value.ok;
}

/** Of a message that was stored; its answer may have been cut all the same. */
async function idOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => ({ id: 'unknown' }))) as { readonly id: string };
  return answer.id;
}

const post = (
  door: HttpDoor,
  token: string,
  path: string,
  input: object,
  more: Record<string, string> = {},
): Promise<Response> =>
  new Caller(door, token).fetch(path, {
    method: 'POST',
    body: JSON.stringify(input),
    headers: { 'content-type': 'application/json', ...more },
  });

/** Sends with a key of their own, tried again where no answer came: each is one message. */
export function send({ sender }: Standing): Victim {
  return async (stage) => {
    const bodies = Array.from({ length: REQUESTS }, (_, number) => `posted ${stage.round}.${number}`);
    const one = (door: HttpDoor, body: string): Promise<Response> =>
      post(door, sender, '/v1/send', { to: ['sink-http'], body }, { 'idempotency-key': body });
    const { answers, next } = await shotDown(stage, REQUESTS, ({ door, each }) =>
      each(bodies, (body) => one(door, body)),
    );
    const acknowledged = bodies.filter((_, at) => isDone(answers[at]));
    stage.count('posts acknowledged', acknowledged.length);
    for (const [at, body] of bodies.entries())
      if (!isDone(answers[at]) && !(await one(next, body)).ok)
        throw new Error(`${body} was refused the second time`);
    wantStored(await mailOf(stage.machine, 'sink-http'), new Set(bodies), new Set(bodies));
    await next.stop();
  };
}

/** A check whose answer came and was never confirmed comes again, marked. */
export function check({ sender, reader }: Standing): Victim {
  return async (stage) => {
    const sent: string[] = [];
    let before: string[] = [];
    const bodies = Array.from({ length: 3 }, (_, number) => `mail ${stage.round}.${number}`);
    const { next } = await shotDown(stage, bodies.length + 1, async ({ door, each }) => {
      const mail = (body: string): Promise<Response> =>
        post(door, sender, '/v1/send', { to: ['http-reader'], body });
      const answers = await each(bodies, mail);
      for (const answer of answers)
        if (answer.status === 'fulfilled' && answer.value.ok) sent.push(await idOf(answer.value));
      const checked = await each([reader], (token) => post(door, token, '/v1/check', {}));
      const [only] = checked;
      const text =
        only?.status === 'fulfilled' && only.value.ok ? await only.value.text().catch(() => '') : '';
      before = sent.filter((id) => text.includes(id));
      return answers;
    });
    const { messages } = (await (await post(next, reader, '/v1/check', { limit: 100 })).json()) as {
      messages: Mail[];
    };
    const known = messages.filter(({ id }) => sent.includes(id));
    stage.count('repeats marked', wantShown(sent, before, known));
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    await post(next, reader, '/v1/confirm', { deliveries });
    const rest = await mailOf(stage.machine, 'http-reader');
    if (rest.length > 0)
      throw new Error(`confirmed, and there again: ${rest.map(({ body }) => body).join(', ')}`);
    await next.stop();
  };
}

/** A reader of live events that comes back with the last id it saw: each message shown, none twice. */
export function events({ sender, follower }: Standing): Victim {
  return async (stage) => {
    const bodies = Array.from({ length: REQUESTS }, (_, number) => `event ${stage.round}.${number}`);
    const seen: string[] = [];
    let last = '';
    const one = (door: HttpDoor, body: string): Promise<Response> =>
      post(door, sender, '/v1/send', { to: ['follower'], body }, { 'idempotency-key': body });
    const { next } = await shotDown(stage, REQUESTS, async ({ door, each }) => {
      const stream = await Events.open(new Caller(door, follower)).catch(() => undefined);
      const answers = await each(bodies, (body) => one(door, body));
      await door.child.exited;
      await stream?.until(() => stream.ended);
      seen.push(...(stream?.bodies() ?? []));
      last = stream?.lastId ?? '';
      return answers;
    });
    const stream = await Events.open(
      new Caller(next, follower),
      last === '' ? '?unread' : '',
      last === '' ? undefined : last,
    );
    for (const body of bodies) if (!(await one(next, body)).ok) throw new Error(`${body} was refused`);
    await stream.until(() => bodies.every((body) => seen.includes(body) || stream.bodies().includes(body)));
    const shown = [...seen, ...stream.bodies()];
    if (new Set(shown).size !== shown.length) throw new Error(`shown twice: ${shown.join(', ')}`);
    stream.close();
    // A stream only offers: the mailbox still has them all, once each.
    wantStored(await mailOf(stage.machine, 'follower'), new Set(bodies), new Set(bodies));
    await next.stop();
  };
}

/** 202 means on the disk; where it did not come, the same delivery comes again and is one message. */
export function webhook({ hookSecret }: Standing): Victim {
  return async (stage) => {
    const deliveries = Array.from({ length: REQUESTS }, (_, number) => `delivery ${stage.round}.${number}`);
    const one = (door: HttpDoor, delivery: string): Promise<Response> =>
      fetch(`${door.url}/hooks/github`, {
        method: 'POST',
        ...fromGithub(hookSecret, push(delivery), { delivery }),
      });
    const { answers, next } = await shotDown(stage, REQUESTS, ({ door, each }) =>
      each(deliveries, (delivery) => one(door, delivery)),
    );
    stage.count('deliveries taken', deliveries.filter((_, at) => isDone(answers[at])).length);
    for (const [at, delivery] of deliveries.entries()) {
      if (isDone(answers[at])) continue;
      const { status } = await one(next, delivery);
      if (status !== 202) throw new Error(`the second attempt at ${delivery} got ${status}`);
    }
    const mail = await mailOf(stage.machine, 'hooked-by-github');
    const named = mail.map(({ body }) => deliveries.filter((delivery) => body.includes(delivery)).join());
    if (named.toSorted().join() !== deliveries.toSorted().join())
      throw new Error(`deliveries became ${named.join()}`);
    await next.stop();
  };
}
