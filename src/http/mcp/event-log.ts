/**
 * What one session was told lately, so that a client whose stream was cut can have the rest (SSE's
 * Last-Event-ID). One log a session: the SDK names the stream of pushes the same in all of them. It is
 * bounded and gone with the session; messages do not depend on it, for the mailbox is the truth.
 */
import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

interface Entry {
  readonly number: number;
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly size: number;
}

const MOST_EVENTS = 300;
const MOST_BYTES = 524_288;

export class EventLog implements EventStore {
  readonly #replays: (message: JSONRPCMessage) => boolean;
  #entries: Entry[] = [];
  #bytes = 0;
  #newest = 0;

  /** `replays`: whether a client that missed it is to have it from here. */
  constructor(replays: (message: JSONRPCMessage) => boolean) {
    this.#replays = replays;
  }

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    this.#newest += 1;
    const size = JSON.stringify(message).length;
    this.#entries.push({ number: this.#newest, stream, message, size });
    this.#bytes += size;
    // The newest stays however large it is: it may be the one that is missed.
    while (this.#entries.length > 1 && (this.#entries.length > MOST_EVENTS || this.#bytes > MOST_BYTES))
      this.#bytes -= this.#entries.shift()?.size ?? 0;
    return `${stream}.${this.#newest}`;
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.#placeOf(id)?.stream;
  }

  async replayEventsAfter(
    id: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const place = this.#placeOf(id);
    if (place === undefined) throw new Error('an event of this session was wanted');
    for (const { number, stream, message } of this.#entries)
      if (stream === place.stream && number > place.number && this.#replays(message))
        await send(`${stream}.${number}`, message);
    return place.stream;
  }

  /**
   * What the client is known to have of a stream that begins anew: all up to the event it names, nothing
   * when it names none. What is not to be replayed is forgotten with this: it was lost, or it is known.
   */
  settle(stream: string, id: string): readonly JSONRPCMessage[] {
    const place = this.#placeOf(id);
    const number = place?.stream === stream ? place.number : 0;
    const known = this.#entries.filter((entry) => entry.stream === stream && entry.number <= number);
    this.#entries = this.#entries.filter((entry) => entry.stream !== stream || this.#replays(entry.message));
    this.#bytes = this.#entries.reduce((sum, { size }) => sum + size, 0);
    return known.map(({ message }) => message);
  }

  #placeOf(id: string): Pick<Entry, 'stream' | 'number'> | undefined {
    const [, stream, digits] = /^([\w-]{1,64})\.(\d{1,15})$/.exec(id) ?? [];
    const number = Number(digits);
    return stream === undefined || number > this.#newest ? undefined : { stream, number };
  }
}
