/** Reading what came from outside by a schema: whatever it is, it fits or is told why not. */
import { z } from 'zod';

type Read<Value> =
  { readonly success: true; readonly data: Value } | { readonly success: false; readonly error: z.ZodError };

/**
 * As `safeParse`, for values that set out to throw: a check of length looks at whatever calls itself `length`, of
 * an object too, and comparing `{"length":{"toString":{}}}` is a TypeError (zod 4.6.7, found by fuzzing).
 */
export function readBy<Schema extends z.ZodType>(schema: Schema, value: unknown): Read<z.output<Schema>> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const message = 'wanted texts, numbers and lists, found an object that is none and calls itself one';
    return {
      success: false,
      error: new z.ZodError([{ code: 'custom', path: [], message, input: undefined }]),
    };
  }
}
