/** What the rest of `rpc/` needs of a connection, whatever carries it. */
export interface Connection {
  /** Takes a frame; several of one turn leave in one write. */
  send(frame: string): void;
  /** Closes after what was sent has left, or at once when the other side does not read. */
  end(): void;
  /** Resolves when little enough waits to be read by the other side, or nobody is there any more. */
  drained(): Promise<void>;
  /** Nothing more is read until `resume`: the other side waits. */
  pause(): void;
  resume(): void;
  readonly closed: boolean;
}

/** The other half: what a connection does to its owner. */
export interface Receiver {
  data(chunk: Uint8Array): void;
  /** Once, whoever closed. */
  closed(): void;
}
