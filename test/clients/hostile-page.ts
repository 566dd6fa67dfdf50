/**
 * A page of a stranger's site that tries whatever a browser lets a page do to get something out of, or into,
 * a server on the visitor's machine; and the site that serves it and is told what became of it. It knows
 * even a token that is good: what keeps it out is not that it knows none.
 */

export interface Attempts {
  /** What each attempt let the page read; `refused` when nothing. */
  readonly read: Readonly<Record<string, string>>;
}

export interface Site extends AsyncDisposable {
  readonly port: number;
  /** The page has been loaded. */
  readonly opened: Promise<void>;
  /** Lets the page begin. */
  attack(): void;
  readonly ended: Promise<Attempts>;
  /** Serves no more; the page stays open and its name may lead elsewhere. */
  leave(): Promise<void>;
}

/** Each sends what can be told apart afterwards. */
export const attempts = [
  'fetch',
  'fetch with the token',
  'fetch as text',
  'fetch without CORS',
  'read without CORS',
  'form',
  'form as text',
  'event source',
  'web socket',
  'image',
  'script',
  'frame',
  'beacon',
  'request of old',
] as const;

/** Without a target the page attacks the very name it was loaded from. */
export function openSite(where: { hostname: string; target?: string; token: string }): Site {
  const opened = Promise.withResolvers<void>();
  const begin = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Attempts>();
  const headers = { 'access-control-allow-origin': '*' };
  // Where the page reports to, whatever became of the server it was loaded from.
  const reports = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/opened') {
        opened.resolve();
        await begin.promise;
      } else if (pathname === '/ended') ended.resolve({ read: (await request.json()) as Attempts['read'] });
      return new Response('go', { headers });
    },
  });
  const site = Bun.serve({
    hostname: where.hostname,
    port: 0,
    fetch: async (_request, server) =>
      new Response(
        await pageOf({
          target: where.target ?? `http://rebound.example:${server.port}`,
          token: where.token,
          reports: `http://127.0.0.1:${reports.port}`,
        }),
        { headers: { 'content-type': 'text/html' } },
      ),
  });
  return {
    port: site.port ?? 0,
    opened: opened.promise,
    attack: begin.resolve,
    ended: ended.promise,
    leave: () => site.stop(true),
    [Symbol.asyncDispose]: async () => {
      await site.stop(true);
      await reports.stop(true);
    },
  };
}

async function pageOf(facts: Readonly<Record<string, string>>): Promise<string> {
  const page = await Bun.file(`${import.meta.dir}/hostile-page.html`).text();
  return page.replace('attack(FACTS)', () => `attack(${JSON.stringify(facts)})`);
}
