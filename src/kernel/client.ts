/**
 * Questions and answers with one kernel: an answer belongs to the question whose id its parent names and
 * to no other; what IOPub says about a question goes to whoever follows it, also after its end. It keeps
 * no queue and decides nothing: that is the session's part.
 */
import { Failure } from '../protocol/failures.ts';
import { type ChannelOptions, Channels, type Disbelief, type LiveChannel } from './channels.ts';
import { type ConnectionInfo, endpointOf } from './connection-info.ts';
import { Heartbeat } from './heartbeat.ts';
import { type Facts, type JupyterMessage } from './message.ts';
import type { ConnectionEnd } from './zmtp/connection.ts';

export interface ClientEvents {
  /** All that IOPub says, ours and others', after whoever follows its parent has seen it. */
  readonly heard: (message: JupyterMessage) => void;
  /** Questions on shell and control were lost with their connection. */
  readonly cut: (end: ConnectionEnd) => void;
  readonly up: (channel: LiveChannel) => void;
  readonly down: (channel: LiveChannel, end: ConnectionEnd) => void;
}

export interface Question {
  readonly channel: 'shell' | 'control';
  readonly type: string;
  readonly content?: Facts;
  readonly username?: string;
  /** Undefined: as long as it takes. */
  readonly withinMs?: number;
  readonly heard?: (message: JupyterMessage) => void;
  readonly asked?: (request: JupyterMessage) => void;
}

export type Answer =
  | { readonly kind: 'reply'; readonly content: Facts }
  /** `ran: 'no'`: not a byte of it had left. */
  | { readonly kind: 'lost'; readonly ran: 'no' | 'perhaps'; readonly reason: string }
  | { readonly kind: 'silent' };

export interface Asked {
  readonly id: string;
  readonly answer: Promise<Answer>;
  /** Answers to `asked`. */
  readonly reply: (value: string, request: JupyterMessage) => void;
  /** No more is wanted of it: IOPub's words about it are nobody's from now on. */
  readonly forget: () => void;
}

interface Open {
  readonly channel: 'shell' | 'control';
  readonly replyType: string;
  readonly settle: (answer: Answer) => void;
  readonly takeBack: () => boolean;
}

export class KernelClient {
  readonly #channels: Channels;
  readonly #events: ClientEvents;
  readonly #heartbeat: Heartbeat;
  readonly #open = new Map<string, Open>();
  readonly #listeners = new Map<string, (message: JupyterMessage) => void>();
  readonly #askers = new Map<string, (message: JupyterMessage) => void>();
  #strayReplies = 0;
  #closed = false;

  constructor(info: ConnectionInfo, options: ChannelOptions, events: ClientEvents) {
    this.#events = events;
    this.#heartbeat = new Heartbeat(endpointOf(info, 'hb'));
    this.#channels = new Channels(info, options, {
      message: (channel, message) => this.#arrived(channel, message),
      cut: (end) => {
        this.#loseAll(end.reason);
        events.cut(end);
      },
      up: events.up,
      down: events.down,
    });
  }

  get session(): string {
    return this.#channels.session;
  }

  get up(): boolean {
    return this.#channels.up;
  }

  get absent(): boolean {
    return this.#channels.absent;
  }

  get disbelief(): Readonly<Disbelief> & { readonly strayReplies: number } {
    return { ...this.#channels.disbelief, strayReplies: this.#strayReplies };
  }

  isUp(channel: LiveChannel): boolean {
    return this.#channels.isUp(channel);
  }

  beat(withinMs: number): Promise<number | undefined> {
    return this.#heartbeat.beat(withinMs);
  }

  ask(question: Question): Asked {
    if (this.#closed) throw new Failure('busy', 'wanted an open connection to the kernel; it was closed');
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const { channel, type, content = {}, username } = question;
    const sent = this.#channels.send(channel, type, content, username === undefined ? {} : { username });
    const { id } = sent;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = (answer: Answer) => {
      if (!this.#open.delete(id)) return;
      clearTimeout(timer);
      resolve(answer);
    };
    const { takeBack } = sent;
    this.#open.set(id, { channel, replyType: type.replace(/_request$/, '_reply'), settle, takeBack });
    if (question.heard !== undefined) this.#listeners.set(id, question.heard);
    if (question.asked !== undefined) this.#askers.set(id, question.asked);
    if (question.withinMs !== undefined) {
      // A question given up must not be asked later: what still waits to be sent is taken back.
      timer = setTimeout(
        () => settle(takeBack() ? neverSent('no connection in time') : { kind: 'silent' }),
        question.withinMs,
      );
    }
    return {
      id,
      answer: promise,
      reply: (value, request) =>
        void this.#channels.send(
          'stdin',
          'input_reply',
          { status: 'ok', value },
          { parent: request.rawHeader },
        ),
      forget: () => {
        this.#listeners.delete(id);
        this.#askers.delete(id);
      },
    };
  }

  /** Gives up a question: its answer, should one come, is nobody's. */
  giveUp(id: string, reason: string): void {
    const open = this.#open.get(id);
    open?.settle(open.takeBack() ? neverSent(reason) : { kind: 'lost', ran: 'perhaps', reason });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loseAll('the connection was closed');
    this.#channels.close();
    this.#heartbeat.close();
    this.#listeners.clear();
    this.#askers.clear();
  }

  #arrived(channel: LiveChannel, message: JupyterMessage): void {
    switch (channel) {
      case 'iopub':
        this.#listeners.get(message.parent?.msg_id ?? '')?.(message);
        this.#events.heard(message);
        return;
      case 'stdin':
        if (message.header.msg_type === 'input_request')
          this.#askers.get(message.parent?.msg_id ?? '')?.(message);
        return;
      case 'shell':
      case 'control':
        this.#answered(channel, message);
    }
  }

  #answered(channel: LiveChannel, message: JupyterMessage): void {
    const open = this.#open.get(message.parent?.msg_id ?? '');
    // A reply to nobody, to another channel's question or of another kind: a liar's, or one given up.
    if (open?.channel !== channel || open.replyType !== message.header.msg_type) {
      this.#strayReplies += 1;
      return;
    }
    open.settle({ kind: 'reply', content: message.content });
  }

  /** A rejected question's waiting bytes go with it: it must not run after its asker was told it is lost. */
  #loseAll(reason: string): void {
    for (const open of this.#open.values()) {
      open.settle(open.takeBack() ? neverSent(reason) : { kind: 'lost', ran: 'perhaps', reason });
    }
  }
}

function neverSent(reason: string): Answer {
  return { kind: 'lost', ran: 'no', reason };
}
