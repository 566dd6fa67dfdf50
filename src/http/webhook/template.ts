/**
 * A webhook's own words: `Build {{build.number}} is {{build.status}}`. Each place is filled once from the
 * payload; what is filled in is never read as a template again. `{{@event}}`, `{{@id}}` and `{{@body}}`
 * are what the request itself says.
 */
import { visible } from '../../present/escape.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Json } from '../../protocol/model.ts';
import { at, oneLine } from './fields.ts';

export const MAX_TEMPLATE = 4_096;
/** One value may be long, but not crowd out the rest. */
const MAX_VALUE = 16_384;

const PLACE = /\{\{\s*(@?[A-Za-z0-9_$][\w$:-]*(?:\.[\w$:-]+)*)\s*\}\}/g;

export interface Delivery {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly text: string;
}

export function fill(template: string, json: Json | undefined, delivery: Delivery): string {
  return template.replace(PLACE, (_whole, path: string) => {
    const value = valueOf(path, json, delivery);
    const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
    return visible(text.slice(0, MAX_VALUE).toWellFormed());
  });
}

function valueOf(path: string, json: Json | undefined, { event, id, text }: Delivery): Json | undefined {
  switch (path) {
    // What a header says can be anybody's (CloudEvents' is percent-encoded): one line, like every name.
    case '@event':
      return event === undefined ? undefined : oneLine(event);
    case '@id':
      return id === undefined ? undefined : oneLine(id);
    case '@body':
      return text;
    default:
      return at(json, path);
  }
}

/** Throws `invalid_data` for a template that could never be filled. */
export function checkTemplate(template: string): void {
  if (template.length > MAX_TEMPLATE) {
    throw wrong(`at most ${MAX_TEMPLATE} characters`, `${template.length}`);
  }
  if (!template.isWellFormed()) throw wrong('Unicode', 'half of a surrogate pair');
  const rest = template.replaceAll(PLACE, '');
  const stray = /\{\{.{0,40}/.exec(rest);
  if (stray !== null) throw wrong('{{path.to.field}}', JSON.stringify(stray[0]));
}

function wrong(wanted: string, found: string): Failure {
  return new Failure('invalid_data', `wanted a template of ${wanted}, found ${found}`, {
    hint: 'ipc help webhook add',
  });
}
