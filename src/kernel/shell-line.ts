/** The one place from which shell requests leave: one in flight, short questions before the next cell. */
import type { Activity } from './activity.ts';
import type { Answer, Asked, KernelClient, Question } from './client.ts';
import { watchOver } from './watchdog.ts';
import type { Endpoint } from './zmtp/endpoint.ts';

export class ShellLine {
  readonly #client: KernelClient;
  readonly #activity: Activity;
  readonly #endpoint: Endpoint;
  readonly #questions: (() => Promise<void>)[] = [];
  readonly #next: () => (() => Promise<void>) | undefined;
  #working = false;
  #knocks = 0;

  /** `next` gives the next cell's run, when no question waits. */
  constructor(
    client: KernelClient,
    activity: Activity,
    endpoint: Endpoint,
    next: () => (() => Promise<void>) | undefined,
  ) {
    this.#client = client;
    this.#activity = activity;
    this.#endpoint = endpoint;
    this.#next = next;
  }

  get free(): boolean {
    return !this.#working;
  }

  /** How often a kernel had to be woken (ipykernel#1554). */
  get knocks(): number {
    return this.#knocks;
  }

  /** Waits its turn before any cell that waits; `silent` when that alone took too long. */
  async question(question: Omit<Question, 'channel'> & { readonly withinMs: number }): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const begun = performance.now();
    const timer = setTimeout(() => resolve({ kind: 'silent' }), question.withinMs);
    const turn = async () => {
      const left = question.withinMs - (performance.now() - begun);
      if (left <= 0) return;
      const asked = this.ask({ ...question, withinMs: left });
      resolve(await asked.answer);
      asked.forget();
    };
    this.#questions.push(turn);
    this.advance();
    const answer = await promise;
    clearTimeout(timer);
    const at = this.#questions.indexOf(turn);
    if (at >= 0) this.#questions.splice(at, 1);
    return answer;
  }

  /** Asks at once, with the watchdog at its side: for whoever has the turn. */
  ask(question: Omit<Question, 'channel'>): Asked {
    let stirred = false;
    let over = false;
    const asked = this.#client.ask({
      ...question,
      channel: 'shell',
      heard: (message) => {
        stirred = true;
        question.heard?.(message);
      },
    });
    void asked.answer.then(() => (over = true));
    void watchOver(this.#client, this.#endpoint, {
      stirred: () => stirred,
      over: () => over,
      busyForOthers: () => {
        const busy = this.#activity.busyFor;
        return busy !== undefined && busy.id !== asked.id;
      },
    }).then((knocks) => (this.#knocks += knocks));
    return asked;
  }

  advance(): void {
    if (this.#working) return;
    const work = this.#questions.shift() ?? this.#next();
    if (work === undefined) return;
    this.#working = true;
    void work().finally(() => {
      this.#working = false;
      this.advance();
    });
  }
}
