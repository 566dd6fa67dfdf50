/**
 * The five channels to one kernel. Shell, control and stdin share an identity, fresh at every connect,
 * or a kernel could not route `input()` back to whoever asked (kernels.md §2.4, 2): so when one of the
 * three is cut, all three are made anew.
 */
import { systemClock } from '../system/clock.ts';
import { randomText, randomUuid } from '../system/ids.ts';
import { type ConnectionInfo, endpointOf } from './connection-info.ts';
import {
  decodeMessage,
  encodeMessage,
  type Facts,
  type JupyterMessage,
  PROTOCOL_VERSION,
  type Signer,
  signerOf,
} from './message.ts';
import type { ConnectionEnd } from './zmtp/connection.ts';
import type { FrameLimits } from './zmtp/frame.ts';
import { Link } from './zmtp/link.ts';

export type TalkChannel = 'shell' | 'control' | 'stdin';
export type LiveChannel = TalkChannel | 'iopub';

export interface ChannelEvents {
  readonly message: (channel: LiveChannel, message: JupyterMessage) => void;
  /** Shell, control and stdin were cut: what was asked on them will not be answered. */
  readonly cut: (end: ConnectionEnd) => void;
  readonly up: (channel: LiveChannel) => void;
  readonly down: (channel: LiveChannel, end: ConnectionEnd) => void;
}

export interface ChannelOptions {
  readonly username: string;
  readonly handshakeMs?: number;
  readonly limits?: FrameLimits;
}

/** What was not believed, for `status` and for a diagnosis. */
export interface Disbelief {
  signature: number;
  shape: number;
  tooLarge: number;
}

export interface Sent {
  readonly id: string;
  /** True when nothing of it had left: it never ran. */
  readonly takeBack: () => boolean;
}

export class Channels {
  readonly session = randomUuid();
  readonly disbelief: Disbelief = { signature: 0, shape: 0, tooLarge: 0 };
  readonly #info: ConnectionInfo;
  readonly #options: ChannelOptions;
  readonly #events: ChannelEvents;
  readonly #signer: Signer;
  readonly #clock = systemClock();
  readonly #links: Readonly<Record<LiveChannel, Link>>;
  #identity = freshIdentity();
  #renewing = false;
  #count = 0;

  constructor(info: ConnectionInfo, options: ChannelOptions, events: ChannelEvents) {
    this.#info = info;
    this.#options = options;
    this.#events = events;
    this.#signer = signerOf(info);
    this.#links = {
      iopub: this.#link('iopub'),
      shell: this.#link('shell'),
      control: this.#link('control'),
      stdin: this.#link('stdin'),
    };
  }

  get up(): boolean {
    return Object.values(this.#links).every((link) => link.up);
  }

  /** Nobody listens on any of them any more: the kernel ended, it was not a cut. */
  get absent(): boolean {
    return this.#links.shell.absent && this.#links.iopub.absent;
  }

  isUp(channel: LiveChannel): boolean {
    return this.#links[channel].up;
  }

  send(
    channel: TalkChannel,
    type: string,
    content: Facts,
    extra: { readonly username?: string; readonly parent?: Facts } = {},
  ): Sent {
    this.#count += 1;
    const id = `${this.session}_${this.#count}`;
    const header = {
      msg_id: id,
      session: this.session,
      username: extra.username ?? this.#options.username,
      date: new Date(this.#clock.now()).toISOString(),
      msg_type: type,
      version: PROTOCOL_VERSION,
    };
    const parent = extra.parent === undefined ? {} : { parent: extra.parent };
    const frames = encodeMessage(this.#signer, { header, ...parent, content });
    return { id, takeBack: this.#links[channel].send(frames) };
  }

  close(): void {
    for (const link of Object.values(this.#links)) link.close();
  }

  #link(channel: LiveChannel): Link {
    const { handshakeMs, limits } = this.#options;
    return new Link(
      {
        endpoint: endpointOf(this.#info, channel),
        type: channel === 'iopub' ? 'SUB' : 'DEALER',
        identity: () => this.#identity,
        ...(handshakeMs === undefined ? {} : { handshakeMs }),
        ...(limits === undefined ? {} : { limits }),
      },
      {
        up: () => {
          if (channel === 'iopub') this.#links.iopub.send([Buffer.of(1)]);
          this.#events.up(channel);
        },
        down: (end) => this.#down(channel, end),
        message: (frames) => this.#arrived(channel, frames),
        dropped: () => {
          this.disbelief.tooLarge += 1;
        },
      },
    );
  }

  #down(channel: LiveChannel, end: ConnectionEnd): void {
    this.#events.down(channel, end);
    if (channel === 'iopub' || this.#renewing || !end.wasReady) return;
    this.#renewing = true;
    this.#identity = freshIdentity();
    for (const name of ['shell', 'control', 'stdin'] as const) {
      if (name !== channel) this.#links[name].renew();
    }
    this.#renewing = false;
    this.#events.cut(end);
  }

  #arrived(channel: LiveChannel, frames: readonly Buffer[]): void {
    const decoded = decodeMessage(this.#signer, frames);
    if (decoded.kind === 'message') this.#events.message(channel, decoded.message);
    else this.disbelief[decoded.reason] += 1;
  }
}

function freshIdentity(): string {
  return randomText(12);
}
