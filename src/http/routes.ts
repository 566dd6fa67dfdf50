/** The one table of routes. What is not here is not served. */
import { answer } from './answer.ts';
import { API_BODY_BYTES, handleCall } from './api.ts';
import type { Handler } from './context.ts';
import { handleEvents } from './events.ts';
import { FILE_BYTES, FILES, handleDownload, handleUpload } from './files.ts';
import { handleIndex, handleOpenApi } from './index-page.ts';
import { handleLines } from './lines.ts';
import { type Form, mapping, type Mapped } from './mapping.ts';
import type { Route } from './server.ts';
import { handlePlain } from './webhook/plain.ts';
import { handleHook, HOOK_BODY_BYTES, hookMethods, HOOKS } from './webhook/receive.ts';

const handlers: Readonly<Record<Form, (...call: [...Parameters<Handler>, Mapped]) => ReturnType<Handler>>> = {
  call: handleCall,
  events: handleEvents,
  lines: handleLines,
};

/** Says that this server is there, to whoever asks, and nothing else. */
const health: Handler = () => answer({ status: 'ok' });

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/', { methods: ['POST'], handle: handlePlain, bodyLimit: HOOK_BODY_BYTES }],
  ['/healthz', { methods: ['GET', 'HEAD'], handle: health, bodyLimit: 0 }],
  ['/v1', { methods: ['GET'], handle: handleIndex, bodyLimit: 0 }],
  ['/v1/files', { methods: ['POST'], handle: handleUpload, bodyLimit: FILE_BYTES }],
  ['/v1/openapi.json', { methods: ['GET'], handle: handleOpenApi, bodyLimit: 0 }],
  ...[...mapping.values()].map((operation): [string, Route] => [
    operation.path,
    {
      methods: operation.methods,
      handle: (request, context) => handlers[operation.form](request, context, operation),
      bodyLimit: API_BODY_BYTES,
    },
  ]),
]);

const downloads: Route = { methods: ['GET', 'HEAD'], handle: handleDownload, bodyLimit: 0 };
const hooks: Route = { methods: hookMethods, handle: handleHook, bodyLimit: HOOK_BODY_BYTES };

/** `/mcp` has sessions, which are one server's own: it is handed in. */
export function routing(mcp: Route): (path: string) => Route | undefined {
  return (path) => (path === '/mcp' ? mcp : routeOf(path));
}

function routeOf(path: string): Route | undefined {
  const found = routes.get(path);
  if (found !== undefined) return found;
  if (path.startsWith(FILES)) return downloads;
  return path.startsWith(HOOKS) ? hooks : undefined;
}
