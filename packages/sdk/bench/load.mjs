// A client that costs little beside the server it measures: kept-alive connections, the next request with each answer.
import net from "node:net";

/** Sends `amount` requests for `path` over `connections` connections; resolves when all are answered with 2xx. */
export function load({ port, path, headers, amount, connections }) {
  const head = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\n${head.join("")}\r\n`);
  let toSend = amount;
  let answered = 0;
  return new Promise((resolve, reject) => {
    const open = () => {
      const socket = net.connect(port, "127.0.0.1", () => send());
      const send = () => {
        if (toSend === 0) return socket.end();
        toSend -= 1;
        socket.write(request);
      };
      socket.on("data", (answer) => {
        // The answers are small: each arrives in one piece. "HTTP/1.1 2": the tenth byte is the status' first digit.
        if (answer[9] !== 0x32) return reject(new Error(`not 2xx: ${answer}`));
        answered += 1;
        if (answered === amount) resolve();
        send();
      });
      socket.on("error", reject);
    };
    for (let i = 0; i < connections; i += 1) open();
  });
}
