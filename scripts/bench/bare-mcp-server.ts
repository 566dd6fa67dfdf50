/** Floor: the MCP SDK's own server with one tool that does nothing. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const server = new McpServer({ name: 'bare', version: '1' });
server.registerTool('nothing', { description: 'does nothing' }, () => ({ content: [] }));
process.stdin.on('end', () => process.exit(0));
await server.connect(new StdioServerTransport());
