/** Which tools there are, and how they are described: the whole list stays below 8 KB (a test counts). */
import { z } from 'zod';
import type { Tool as ToolDefinition } from '@modelcontextprotocol/sdk/types.js';
import { executeTool, lookTool, manageTool, resultTool } from './tools/kernel.ts';
import { mailboxTool } from './tools/mailbox.ts';
import { registerTool, whoTool } from './tools/people.ts';
import { checkTool, historyTool, receiptsTool } from './tools/reading.ts';
import { askTool, replyTool, sendTool } from './tools/sending.ts';
import { compactSchema } from './schema.ts';
import type { Serving } from './parts.ts';
import type { Tool } from './tool.ts';

export const messageTools: readonly Tool[] = [
  sendTool,
  checkTool,
  replyTool,
  askTool,
  whoTool,
  registerTool,
  historyTool,
  receiptsTool,
  mailboxTool,
];

export const kernelTools: readonly Tool[] = [executeTool, resultTool, lookTool, manageTool];

export function toolsOf({ kernels, kernelsOnly }: Pick<Serving, 'kernels' | 'kernelsOnly'>): readonly Tool[] {
  const messages = kernelsOnly === true ? [] : messageTools;
  return kernels === undefined ? messages : [...messages, ...kernelTools];
}

/** As `tools/list` shows it. `run` and `files` are offered only where they may be used. */
export function definitionOf(tool: Tool, allowed: Pick<Serving, 'allowRun' | 'allowFiles'>): ToolDefinition {
  const left = [...(allowed.allowRun ? [] : ['run']), ...(allowed.allowFiles ? [] : ['files'])];
  const shape = Object.entries(tool.input.shape).filter(([field]) => !left.includes(field));
  const hidden = z.strictObject(Object.fromEntries(shape));
  const { name, title, description, annotations, output } = tool;
  return {
    name,
    title,
    description,
    annotations,
    inputSchema: compactSchema(hidden, 'input') as ToolDefinition['inputSchema'],
    ...(output === undefined
      ? {}
      : { outputSchema: compactSchema(output, 'output') as NonNullable<ToolDefinition['outputSchema']> }),
  };
}
