/** CloudEvents over HTTP (http-protocol-binding 1.0): told by its headers or its media type. */
import type { Json } from '../../protocol/model.ts';
import { oneLine, textAt } from './fields.ts';

export interface CloudEvent {
  readonly type: string;
  /** `source` and `id` together name an event. */
  readonly identity: readonly [source: string, id: string];
  readonly subject: string | undefined;
}

export function isBatch(mediaType: string): boolean {
  return mediaType.startsWith('application/cloudevents-batch');
}

export function isStructured(mediaType: string): boolean {
  return mediaType.startsWith('application/cloudevents') && !isBatch(mediaType);
}

export function cloudEventOf(
  headers: Headers,
  mediaType: string,
  json: Json | undefined,
): CloudEvent | undefined {
  const said = isStructured(mediaType)
    ? (name: string) => textAt(json, name)
    : (name: string) => decoded(headers.get(`ce-${name}`));
  const [version, id, source, type] = [said('specversion'), said('id'), said('source'), said('type')];
  if (version === undefined || id === undefined || source === undefined || type === undefined)
    return undefined;
  return { type, identity: [source, id], subject: said('subject') };
}

export function cloudEventSummary({ type, identity: [source], subject }: CloudEvent): string {
  const about = subject === undefined ? '' : ` about ${oneLine(subject)}`;
  return `event ${oneLine(type)}${about} from ${oneLine(source)}`;
}

/** Header values are percent-encoded UTF-8; what is not is taken as it is. */
function decoded(value: string | null): string | undefined {
  if (value === null || value === '') return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
