/** `GET /v1`: what this door offers to this token. `GET /v1/openapi.json`: the same for programs. */
import { version } from '../system/version.ts';
import { answer } from './answer.ts';
import type { Context } from './context.ts';
import { mapping, type Mapped } from './mapping.ts';

export function handleIndex(_request: Request, context: Context): Response {
  const token = context.authorize();
  return answer({
    agent: token.agent,
    scopes: token.scopes,
    ...(token.expires === undefined ? {} : { expires: token.expires }),
    operations: [...mapping.values()].map(({ name, methods, path, scope, summary }) => ({
      operation: name,
      methods,
      path,
      scope,
      allowed: token.scopes.includes(scope),
      summary,
    })),
    openapi: '/v1/openapi.json',
  });
}

export function handleOpenApi(_request: Request, context: Context): Response {
  context.authorize();
  return answer(openApi());
}

/** OpenAPI 3.1, whose schemas are JSON Schema 2020-12, as the table's are. */
function openApi(): unknown {
  return {
    openapi: '3.1.0',
    info: { title: 'ipc', version },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths: Object.fromEntries(
      [...mapping.values()].map((operation) => [operation.path, methodsOf(operation)]),
    ),
  };
}

function methodsOf(operation: Mapped): Record<string, unknown> {
  return Object.fromEntries(
    operation.methods.map((method) => [method.toLowerCase(), described(operation, method)]),
  );
}

function described({ name, summary, scope, form, input, output }: Mapped, method: 'GET' | 'POST'): unknown {
  const type = { call: 'application/json', events: 'text/event-stream', lines: 'application/x-ndjson' }[form];
  const fields = Object.entries(input.properties ?? {});
  return {
    operationId: `${method === 'GET' && form === 'call' ? 'get-' : ''}${name}`,
    summary,
    description: `Scope: ${scope}.`,
    ...(method === 'GET'
      ? { parameters: fields.map(([field, schema]) => ({ name: field, in: 'query', schema })) }
      : { requestBody: { required: true, content: { 'application/json': { schema: input } } } }),
    responses: {
      '200': { description: 'done', content: { [type]: { schema: output } } },
      default: { description: 'a problem (RFC 9457)', content: { 'application/problem+json': {} } },
    },
  };
}
