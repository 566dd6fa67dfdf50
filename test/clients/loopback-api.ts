/** A vendor's HTTP API on loopback: what is common to the three, and what each asked that nobody answered. */

export interface Api extends AsyncDisposable {
  readonly url: string;
  /** Method and path of everything asked, for a test that fails. */
  readonly log: readonly string[];
}

/** `answer` gets the path and the parsed body; undefined means there is no such thing here. */
export function serveApi(
  answer: (path: string, body: unknown) => Promise<Response | undefined> | Response | undefined,
): Api {
  const log: string[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    // A model may think for as long as a test holds it.
    idleTimeout: 0,
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      const sent = await request.text();
      const response = await answer(path, parsed(sent));
      log.push(`${request.method} ${path}${response === undefined ? ' (not here)' : ''}`);
      return (
        response ?? Response.json({ error: { type: 'not_found_error', message: path } }, { status: 404 })
      );
    },
    error: (error) => {
      log.push(`broke: ${error.message}`);
      return Response.json({ error: { type: 'api_error', message: error.message } }, { status: 500 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    log,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** A stream of server-sent events, each with its type inside its data too, as both vendors have it. */
export function sse(events: readonly (readonly [string, Readonly<Record<string, unknown>>])[]): Response {
  const text = events
    .map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
    .join('');
  return new Response(text, { headers: { 'content-type': 'text/event-stream' } });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
