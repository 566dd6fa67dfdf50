/**
 * The server whose tools, resources and prompts the conformance suite of the specification asks for by
 * name. It stands on this project's own HTTP layer, which is what is being tested.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  type CreateMessageResult,
  type ElicitRequestFormParams,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  type ProgressToken,
  ReadResourceRequestSchema,
  type RequestId,
  type ServerNotification,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Serve } from '../../src/http/mcp/session.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;
const text = (words: string) => ({ type: 'text', text: words }) as const;
const only = (words: string): CallToolResult => ({ content: [text(words)] });

interface Extra {
  readonly requestId: RequestId;
  readonly _meta?: { readonly progressToken?: ProgressToken | undefined } | undefined;
  readonly closeSSEStream?: (() => void) | undefined;
  sendNotification(notification: ServerNotification): Promise<void>;
}

interface Call {
  readonly given: Readonly<Record<string, unknown>>;
  readonly server: McpServer['server'];
  readonly extra: Extra;
}

const noInput = { type: 'object', properties: {} } as const;
const taking = (field: string) =>
  ({ type: 'object', properties: { [field]: { type: 'string' } }, required: [field] }) as const;
const titled = (what: string) =>
  ['First', 'Second', 'Third'].map((title, at) => ({ const: `value${at + 1}`, title: `${title} ${what}` }));
const three = (word: string): string[] => [1, 2, 3].map((number) => `${word}${number}`);

const tools: Readonly<
  Record<string, { readonly inputSchema: object; run(call: Call): Promise<CallToolResult> }>
> = {
  test_simple_text: {
    inputSchema: noInput,
    run: async () => only('This is a simple text response for testing.'),
  },
  test_image_content: { inputSchema: noInput, run: async () => ({ content: [image] }) },
  test_audio_content: {
    inputSchema: noInput,
    run: async () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }),
  },
  test_embedded_resource: {
    inputSchema: noInput,
    run: async () => ({
      content: [embedded('test://embedded-resource', 'This is an embedded resource content.')],
    }),
  },
  test_multiple_content_types: {
    inputSchema: noInput,
    run: async () => ({
      content: [
        text('Multiple content types test:'),
        image,
        embedded('test://mixed-content-resource', '{"n":1}'),
      ],
    }),
  },
  test_tool_with_logging: {
    inputSchema: noInput,
    run: async ({ extra }) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
        await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      return only('logged');
    },
  },
  test_tool_with_progress: {
    inputSchema: noInput,
    run: async ({ extra }) => {
      const progressToken = extra._meta?.progressToken ?? 0;
      for (const progress of [0, 50, 100])
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      return only(String(progressToken));
    },
  },
  test_error_handling: {
    inputSchema: noInput,
    run: async () => ({ ...only('This tool intentionally returns an error for testing'), isError: true }),
  },
  test_reconnection: {
    inputSchema: noInput,
    run: async ({ extra }) => {
      extra.closeSSEStream?.();
      return only('answered after the stream was closed');
    },
  },
  test_sampling: {
    inputSchema: taking('prompt'),
    run: async ({ server, given }) => {
      const answer: CreateMessageResult = await server.createMessage({
        messages: [{ role: 'user', content: text(String(given['prompt'])) }],
        maxTokens: 100,
      });
      return only(`LLM response: ${answer.content.type === 'text' ? answer.content.text : ''}`);
    },
  },
  test_elicitation: {
    inputSchema: taking('message'),
    run: (call) =>
      elicited(call, String(call.given['message']), {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      }),
  },
  test_elicitation_sep1034_defaults: {
    inputSchema: noInput,
    run: (call) =>
      elicited(call, 'defaults', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
  },
  test_elicitation_sep1330_enums: {
    inputSchema: noInput,
    run: (call) =>
      elicited(call, 'enums', {
        untitledSingle: { type: 'string', enum: three('option') },
        titledSingle: { type: 'string', oneOf: titled('Option') },
        legacyEnum: {
          type: 'string',
          enum: three('opt'),
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: three('option') } },
        titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
      }),
  },
  json_schema_2020_12_tool: {
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    run: async ({ given }) => only(JSON.stringify(given)),
  },
};

function embedded(uri: string, content: string) {
  return { type: 'resource', resource: { uri, mimeType: 'text/plain', text: content } } as const;
}

async function elicited(
  { server, extra }: Call,
  message: string,
  properties: ElicitRequestFormParams['requestedSchema']['properties'],
): Promise<CallToolResult> {
  const requestedSchema = { type: 'object', properties, required: [] } as const;
  const params = { message, requestedSchema: { ...requestedSchema, required: [] } };
  const { action, content } = await server.elicitInput(params, { relatedRequestId: extra.requestId });
  return only(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`);
}

const prompts: Readonly<
  Record<string, (given: Readonly<Record<string, string>>) => GetPromptResult['messages']>
> = {
  test_simple_prompt: () => [said(text('This is a simple prompt for testing.'))],
  test_prompt_with_arguments: ({ arg1 = '', arg2 = '' }) => [
    said(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  ],
  test_prompt_with_embedded_resource: ({ resourceUri = '' }) => [
    said(embedded(resourceUri, 'Embedded resource content for testing.')),
    said(text('Please process the embedded resource above.')),
  ],
  test_prompt_with_image: () => [said(image), said(text('Please analyze the image above.'))],
};

function said<C>(content: C): { role: 'user'; content: C } {
  return { role: 'user', content };
}

function resource(uri: string) {
  const id = /^test:\/\/template\/(.+)\/data$/.exec(uri)?.[1];
  if (id !== undefined)
    return { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true }) };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: PNG };
  return { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' };
}

export const serveFixture: Serve = () => {
  const capabilities = {
    tools: {},
    resources: { subscribe: true },
    prompts: {},
    logging: {},
    completions: {},
  };
  const { server } = new McpServer({ name: 'conformance-fixture', version: '1' }, { capabilities });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, { inputSchema }]) => ({
      name,
      description: `${name} of the conformance suite`,
      inputSchema: { ...inputSchema, type: 'object' as const },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools[params.name];
    if (tool === undefined) throw new Error(`no tool ${params.name}`);
    return await tool.run({ given: params.arguments ?? {}, server, extra });
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: ['static-text', 'static-binary', 'watched-resource'].map((name) => ({
      name,
      uri: `test://${name}`,
    })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ name: 'template', uriTemplate: 'test://template/{id}/data' }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({ contents: [resource(params.uri)] }));
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.keys(prompts).map((name) => ({
      name,
      description: `${name} of the conformance suite`,
      arguments: name === 'test_prompt_with_arguments' ? [{ name: 'arg1' }, { name: 'arg2' }] : [],
    })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
    messages: prompts[params.name]?.(params.arguments ?? {}) ?? [],
  }));
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['paris', 'park'] } }));
  return { connect: (transport) => server.connect(transport), close: () => server.close() };
};
