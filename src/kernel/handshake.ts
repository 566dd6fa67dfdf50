/** From open sockets to a kernel known to answer and to be heard; or why not. */
import { Failure } from '../protocol/failures.ts';
import { pause } from '../system/clock.ts';
import type { KernelClient } from './client.ts';
import { type Facts, factsOf, list, text } from './message.ts';

export interface KernelInfo {
  readonly implementation: string;
  readonly version: string;
  readonly language: string;
  readonly languageVersion: string;
  readonly protocol: string;
  readonly features: readonly string[];
}

export function kernelInfoOf(content: Facts): KernelInfo {
  const language = factsOf(content['language_info']);
  return {
    implementation: text(content['implementation']),
    version: text(content['implementation_version']),
    language: text(language['name']),
    languageVersion: text(language['version']),
    protocol: text(content['protocol_version']),
    features: list(content['supported_features']).map(text),
  };
}

const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 100;
/** IRkernel and others answer on shell alone; asking there too early would queue behind a cell. */
const SHELL_AFTER_MS = 120;

export interface Greeting {
  readonly heardAnything: () => boolean;
  readonly withinMs: number;
  /** Of a kernel that is being started, whose ports are silent at first: how it ended, once it has. */
  readonly ended?: () => string | undefined;
}

/**
 * Asks until both the answer and a word on IOPub have come: a subscription takes effect a moment after
 * the connection, and what is said before is lost (the slow joiner, kernels.md §2.4, 4).
 */
export async function shakeHands(
  client: KernelClient,
  { heardAnything, withinMs, ended }: Greeting,
): Promise<KernelInfo> {
  const begun = performance.now();
  const left = () => withinMs - (performance.now() - begun);
  let info: KernelInfo | undefined;
  let onShell: Promise<void> | undefined;
  const ask = async (channel: 'control' | 'shell', wait: number) => {
    const { answer } = client.ask({ channel, type: 'kernel_info_request', withinMs: wait });
    const found = await answer;
    if (found.kind === 'reply') info ??= kernelInfoOf(found.content);
  };
  let wait = FIRST_WAIT_MS;
  while (left() > 0) {
    if (client.isUp('control') && client.isUp('iopub')) {
      const asked = ask('control', left());
      if (info === undefined && performance.now() - begun > SHELL_AFTER_MS) {
        onShell ??= ask('shell', left()).finally(() => (onShell = undefined));
      }
      await Promise.race([asked, onShell ?? asked, pause(wait)]);
    }
    if (info !== undefined && heardAnything()) return info;
    await pause(Math.min(wait, Math.max(1, left())));
    if (info !== undefined && heardAnything()) return info;
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    if (ended === undefined ? client.absent : ended() !== undefined) break;
  }
  const lastWords = ended?.();
  if (lastWords !== undefined)
    throw new Failure('cannot_create', `wanted a kernel to start; ${lastWords}`, {
      hint: /No module named '?ipykernel/.test(lastWords)
        ? 'install ipykernel for that Python, or choose another: ipc kernel specs'
        : 'ipc kernel specs',
    });
  throw await diagnosis(client, { answered: info !== undefined });
}

async function diagnosis(client: KernelClient, { answered }: { answered: boolean }): Promise<Failure> {
  if (client.absent)
    return new Failure('no_such_file', 'wanted a live kernel; nobody listens on its ports any more', live);
  const alive = (await client.beat(1_000)) !== undefined;
  if (client.disbelief.signature > 0) {
    return new Failure(
      'not_allowed',
      "wanted the kernel's own key; what it says is signed with another",
      live,
    );
  }
  if (answered)
    return new Failure(
      'timed_out',
      'wanted the output of the kernel; it answers, but its IOPub is silent',
      live,
    );
  if (!alive)
    return new Failure(
      'timed_out',
      'wanted a kernel there; something listens, but its heart does not beat',
      live,
    );
  return new Failure(
    'busy',
    'wanted an answer; its heart beats, but it does not answer: wrong key, or busy',
    live,
  );
}

const live = { hint: 'ipc kernel list' } as const;

const LISTEN_MS = 300;

/** Makes the kernel say something on IOPub until it is heard; false: it was not, in a bounded time. */
export async function listenAgain(client: KernelClient, heard: () => boolean): Promise<boolean> {
  for (const channel of ['control', 'shell'] as const) {
    const end = performance.now() + LISTEN_MS;
    while (!heard() && performance.now() < end) {
      const asked = client.ask({ channel, type: 'kernel_info_request', withinMs: end - performance.now() });
      await asked.answer;
      if (!heard()) await pause(FIRST_WAIT_MS);
    }
  }
  return heard();
}
