/** Floor: says back what it hears, over the kind of socket the daemon uses. Argument: the path. */
const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('wanted the path of a socket');

Bun.listen({
  unix: path,
  socket: {
    data: (socket, chunk) => {
      socket.write(chunk);
    },
  },
});
process.stdout.write('ready\n');
