/** Ctrl-C as an abort signal: the first ends what is under way, the second ends the process at once. */

export interface Interruptible extends Disposable {
  readonly signal: AbortSignal;
}

export function interruptible(): Interruptible {
  const controller = new AbortController();
  const stop = (): void => {
    release();
    controller.abort();
  };
  // Without a listener the system's own way of ending applies again: that is the second Ctrl-C.
  const release = (): void => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return { signal: controller.signal, [Symbol.dispose]: release };
}
