// Names, images and labels of running containers, from the socket of Docker (or Podman, which speaks the same).
import { existsSync } from "node:fs";
import { request } from "node:http";
import { sanitized } from "../kubernetes/quantity.ts";
import type { ContainerName, NameSource } from "./names.ts";

const ANSWER_BYTES_MAX = 64 * 2 ** 20;

interface DockerContainer {
  readonly Id?: string;
  readonly Names?: readonly string[] | null;
  readonly Image?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** `labels`: Docker's labels to show, `*` for all. A socket that is not there has no names. */
export function dockerNames(socket: string, labels: readonly string[]): NameSource {
  return {
    names: async (signal) => {
      if (!existsSync(socket)) return new Map();
      const text = await get(socket, "/containers/json", signal);
      const list = JSON.parse(text) as readonly DockerContainer[];
      if (!Array.isArray(list)) throw new Error(`${socket}: no list of containers`);
      return new Map(list.flatMap((one) => (one.Id ? [[one.Id, nameOf(one, one.Id, labels)] as const] : [])));
    },
  };
}

function nameOf({ Names, Image = "", Labels }: DockerContainer, id: string, shown: readonly string[]): ContainerName {
  const all = Labels ?? {};
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(all)) {
    if (shown.includes("*") || shown.includes(key)) labels[`container_label_${sanitized(key)}`] = value;
  }
  return {
    // Names of links are paths of several parts; the container's own has one.
    name: (Names ?? []).map((name) => name.replace(/^\//, "")).find((name) => !name.includes("/")) ?? id,
    image: Image,
    // Docker under Kubernetes: the kubelet writes who it is.
    container: all["io.kubernetes.container.name"] ?? "",
    pod: all["io.kubernetes.pod.name"] ?? "",
    namespace: all["io.kubernetes.pod.namespace"] ?? "",
    labels,
  };
}

function get(socketPath: string, path: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: "docker" };
    const asked = request({ socketPath, path, headers, signal, agent: false }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on("data", (part: Buffer) => {
        bytes += part.length;
        if (bytes > ANSWER_BYTES_MAX) asked.destroy(new Error(`${socketPath}: more than ${ANSWER_BYTES_MAX} bytes`));
        else parts.push(part);
      });
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${socketPath} answered ${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}
