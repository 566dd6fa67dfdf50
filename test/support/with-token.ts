/** A way to a server for programs that cannot be told to send a token: it adds the token and nothing else. */
export function withToken(target: string, token: string): Disposable & { readonly url: string } {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.set('authorization', `Bearer ${token}`);
      const body = request.method === 'GET' ? {} : { body: await request.bytes() };
      return await fetch(`${target}${pathname}${search}`, {
        method: request.method,
        headers,
        signal: request.signal,
        ...body,
      });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.dispose]: () => void server.stop(true),
  };
}
