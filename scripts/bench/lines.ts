/** What a process says, line by line, each as soon as it is whole. */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> {
  const text = new TextDecoder();
  let arrived = '';
  for await (const chunk of stream) {
    arrived += text.decode(chunk, { stream: true });
    for (let end = arrived.indexOf('\n'); end !== -1; end = arrived.indexOf('\n')) {
      take(arrived.slice(0, end));
      arrived = arrived.slice(end + 1);
    }
  }
}
