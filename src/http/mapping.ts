/**
 * How the table of operations shows over HTTP, nothing of it written by hand: every operation of surface
 * http is `POST /v1/<name>` with its input as JSON; one that changes nothing is also `GET` with query
 * parameters; a stream is `GET` alone. What a caller here may leave out or may not say stands below.
 */
import { z } from 'zod';
import { Failure } from '../protocol/failures.ts';
import type { Json } from '../protocol/model.ts';
import { operations, type OperationName } from '../protocol/operations.ts';
import type { Operation } from '../protocol/operations/define.ts';
import type { Scope } from '../protocol/scopes.ts';
import { nearest } from '../system/nearest.ts';

/** The two streams have a form of their own: events for what arrives, lines of JSON for the past. */
export type Form = 'call' | 'events' | 'lines';

export interface Mapped {
  readonly name: OperationName;
  readonly path: string;
  readonly methods: readonly ('GET' | 'POST')[];
  readonly form: Form;
  readonly scope: Scope;
  readonly summary: string;
  /** JSON schema of what may be said. */
  readonly input: Schema;
  readonly output: Schema;
  /** The store takes the second send with the same id for the first: Idempotency-Key may make it. */
  readonly makesId: boolean;
}

export interface Schema {
  readonly type?: string | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
}

export type Fields = Readonly<Record<string, Json>>;

/** Fields this door fills itself: by which door a message goes out is not for the caller to say. */
const OURS = new Set(['door']);
/** Fields it fills when the caller does not: the token is a reader, and its hand-overs are HTTP's. */
const DEFAULTED = new Set(['reader']);

export const mapping: ReadonlyMap<string, Mapped> = new Map(
  Object.entries(operations)
    .filter(([, row]) => row.surfaces.includes('http'))
    .map(([name, row]) => mapped(name as OperationName, row))
    .map((each) => [each.path, each]),
);

function mapped(name: OperationName, row: Operation): Mapped {
  const form: Form = row.stream !== true ? 'call' : name === 'watch' ? 'events' : 'lines';
  return {
    name,
    path: form === 'events' ? '/v1/events' : `/v1/${name}`,
    methods: form !== 'call' ? ['GET'] : row.scope === 'read' ? ['GET', 'POST'] : ['POST'],
    form,
    scope: row.scope,
    summary: row.summary,
    input: inputSchema(name, row),
    output: z.toJSONSchema(row.output, { io: 'output', unrepresentable: 'any' }) as Schema,
    makesId: 'id' in row.input.shape && row.scope === 'send' && name !== 'cancel',
  };
}

function inputSchema(name: OperationName, row: Operation): Schema {
  const schema = z.toJSONSchema(row.input, { io: 'input', unrepresentable: 'any' }) as Schema;
  // Only confirm is told by which door something came: there are two here.
  const hidden = (field: string): boolean => OURS.has(field) && name !== 'confirm';
  const optional = (field: string): boolean => DEFAULTED.has(field) || OURS.has(field);
  return {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(schema.properties ?? {}).filter(([field]) => !hidden(field)),
    ),
    required: (schema.required ?? []).filter((field) => !optional(field)),
  };
}

/** The input as a JSON body has it. Throws `invalid` for a field the operation does not have. */
export function fromJson(operation: Mapped, value: Json): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Failure('invalid', 'wanted a JSON object with the fields of the operation', {
      hint: 'ipc help serve',
    });
  const fields = value as Fields;
  for (const field of Object.keys(fields)) checkField(operation, field);
  return fields;
}

/** The input as query parameters have it: each text becomes what the operation's schema says it is. */
export function fromQuery(operation: Mapped, query: URLSearchParams): Fields {
  const fields: Record<string, Json> = {};
  for (const [field, text] of query) {
    checkField(operation, field);
    fields[field] = valueOf(operation.input.properties?.[field]?.type, text);
  }
  return fields;
}

function valueOf(type: string | undefined, text: string): Json {
  switch (type) {
    case 'boolean':
      // `?unread` is as good as `?unread=true`.
      return text === '' || text === 'true' || text === '1'
        ? true
        : text === 'false' || text === '0'
          ? false
          : text;
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

function checkField({ name, input }: Mapped, field: string): void {
  const known = Object.keys(input.properties ?? {});
  if (known.includes(field)) return;
  const meant = nearest(field, known);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new Failure('invalid', `${name} has no field ${JSON.stringify(field.slice(0, 80))}${mean}`, {
    hint: 'ipc help serve',
    ...(meant === undefined ? {} : { details: { suggestion: meant } }),
  });
}
