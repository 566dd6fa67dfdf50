/** Which tools there are, and how they are described: the whole list stays below 8 KB (a test counts). */
import type { Tool as ToolDefinition } from '@modelcontextprotocol/sdk/types.js';
import { mailboxTool } from './tools/mailbox.ts';
import { registerTool, whoTool } from './tools/people.ts';
import { checkTool, historyTool, receiptsTool } from './tools/reading.ts';
import { askTool, replyTool, sendTool } from './tools/sending.ts';
import { compactSchema } from './schema.ts';
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

/** As `tools/list` shows it. `run` is offered only where it may be used. */
export function definitionOf(tool: Tool, { allowRun }: { readonly allowRun: boolean }): ToolDefinition {
  const hidden = allowRun || !('run' in tool.input.shape) ? tool.input : tool.input.omit({ run: true });
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
