/** Where a peer listens, as libzmq writes it: `tcp://127.0.0.1:5555`, `ipc:///run/x-1`. */

export type Endpoint =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'ipc'; readonly path: string };

export function endpointText(endpoint: Endpoint): string {
  return endpoint.transport === 'tcp' ? `tcp://${endpoint.host}:${endpoint.port}` : `ipc://${endpoint.path}`;
}

/** Beside us: a short wait before the next try costs nobody anything. */
export function isNear(endpoint: Endpoint): boolean {
  return endpoint.transport === 'ipc' || /^(127\.|localhost$|::1$|\[::1\]$)/.test(endpoint.host);
}
