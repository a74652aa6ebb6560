// One kind of objects, kept up to date by list and watch as the lines of the page. Lines are made when an object changes, not
// when the page is read: of 10,000 pods a few change between two scrapes.
import type { Clock } from "@storewatch/model";
import type { KubernetesClient, Query } from "../../collect/discovery/kubernetes/client.ts";
import type { KubeObject } from "../../collect/discovery/kubernetes/objects.ts";
import { Reflector } from "../../collect/discovery/kubernetes/reflector.ts";
import { sampleLine } from "../exposition.ts";
import type { MetricFamily } from "../interface.ts";
import type { AnyThing, KubeFamily } from "./family.ts";
import { type KubeResource, labelsFamily } from "./resources.ts";

/** The lines of an object in the order of the families; "" where it has none. */
type ObjectLines = readonly string[];

export interface MirrorOptions {
  readonly resource: KubeResource;
  /** Besides those of the resource. */
  readonly moreFamilies: ReadonlyArray<KubeFamily<AnyThing>>;
  readonly client: KubernetesClient;
  /** Of the lists: one for the cluster, or one for each namespace. */
  readonly paths: readonly string[];
  readonly query: Query;
  /** Names of Kubernetes labels that `kube_*_labels` shows. */
  readonly labels: readonly string[];
  readonly maxObjects: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onProblem: (message: string) => void;
  readonly onOutcome: (operation: "list" | "watch", isGood: boolean) => void;
}

/** No object of a real cluster comes near: 1,000 endpoints are about 300 KB. */
const OBJECT_CHARS_MAX = 4 * 2 ** 20;

export class Mirror {
  private readonly families: ReadonlyArray<KubeFamily<AnyThing>>;
  private readonly reflectors: ReadonlyArray<Reflector<ObjectLines>>;
  /** Resolves when each list was tried once. */
  readonly tried: Promise<void>;

  constructor(private readonly options: MirrorOptions) {
    const { resource, moreFamilies, labels, paths, onProblem, ...rest } = options;
    this.families = [...resource.families, ...moreFamilies, labelsFamily(resource.prefix, labels)];
    const tries: Array<Promise<void>> = [];
    this.reflectors = paths.map((path) => {
      let tried = () => {};
      tries.push(new Promise((resolve) => (tried = resolve)));
      return new Reflector<ObjectLines>({
        ...rest,
        path,
        keep: (object) => this.linesOf(object),
        max: options.maxObjects,
        onChange: tried,
        onProblem: (message) => {
          onProblem(message);
          tried();
        },
      });
    });
    this.tried = Promise.all(tries).then(() => {});
  }

  start(): void {
    for (const reflector of this.reflectors) reflector.start();
  }

  stop(): void {
    for (const reflector of this.reflectors) reflector.stop();
  }

  get hasSynced(): boolean {
    return this.reflectors.every(({ hasSynced }) => hasSynced);
  }

  get size(): number {
    return this.reflectors.reduce((sum, { objects }) => sum + objects.size, 0);
  }

  get leftOut(): number {
    return this.reflectors.reduce((sum, { leftOut }) => sum + leftOut, 0);
  }

  metricFamilies(): MetricFamily[] {
    return this.families.map(({ name, help, type }, i) => {
      const lines: string[] = [];
      for (const { objects } of this.reflectors) {
        for (const object of objects.values()) if (object[i] !== "") lines.push(object[i]);
      }
      return { name, help, type, samples: [], lines };
    });
  }

  /** Undefined, with the reason told, for an object that nothing can be made of. */
  private linesOf(object: KubeObject): ObjectLines | undefined {
    const { resource, onProblem } = this.options;
    const name = () => `${object.metadata?.namespace ?? ""}/${object.metadata?.name ?? ""}`;
    try {
      const identity = resource.identity(object);
      let chars = 0;
      const lines = this.families.map((family) => {
        const text = familyLines(family, object, identity);
        chars += text.length;
        return text;
      });
      if (chars <= OBJECT_CHARS_MAX) return lines;
      onProblem(`${name()} would be ${chars} characters of metrics: left out`);
    } catch (error) {
      onProblem(`${name()} has another form than the API's: ${error instanceof Error ? error.message : error}`);
    }
    return undefined;
  }
}

function familyLines(
  { name, samples }: KubeFamily<AnyThing>,
  object: AnyThing,
  identity: Readonly<Record<string, string>>,
): string {
  const all = samples(object);
  if (all.length === 0) return "";
  if (all.length === 1) return flat(sampleLine(name, { ...identity, ...all[0][0] }, all[0][1]) ?? "");
  // By labels: what an object names twice would make the whole page useless.
  const seen = new Map<string, string>();
  for (const [labels, value] of all) {
    const line = sampleLine(name, { ...identity, ...labels }, value) ?? "";
    const series = line.slice(0, line.lastIndexOf(" "));
    if (!seen.has(series)) seen.set(series, line);
  }
  return flat([...seen.values()].join(""));
}

/** One piece of memory, of a byte for each character as most are, in place of the tree of pieces that joining leaves. */
function flat(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
