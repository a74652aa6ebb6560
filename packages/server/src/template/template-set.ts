// A set of templates that share functions and definitions: what a rule or a receiver executes texts with.
import { BUILTINS } from "./builtins.ts";
import { execute, type Writer } from "./executor.ts";
import { printed } from "./format.ts";
import { HtmlWriter } from "./html-writer.ts";
import { TemplateError, type TemplateFunction, type TemplateSet, type TemplateValue } from "./interface.ts";
import type { Tree } from "./nodes.ts";
import { isEmpty, parseTemplate } from "./parser.ts";
import { GoMap, GoStruct } from "./values.ts";

export interface TemplateSetOptions {
  /** What a missing map key gives, as Go's option missingkey. Prometheus and Alertmanager use "zero". Default "zero". */
  readonly missingKey?: "default" | "zero" | "error";
  /** `{{ range 3 }}`, as Go does since 1.22. Default true. */
  readonly rangeOverNumbers?: boolean;
}

/** Parsed texts kept for their next execution; texts come from the operator's files, so there are few. */
const CACHE_LIMIT = 500;
const TEXT_LIMIT = 1 << 20;

export function createTemplateSet(
  functions: Readonly<Record<string, TemplateFunction>>,
  options: TemplateSetOptions = {},
): TemplateSet {
  return new ParsedTemplateSet(functions, options.missingKey ?? "zero", options.rangeOverNumbers ?? true);
}

/** Throws TemplateError when the text does not parse with these functions. */
export function checkTemplate(name: string, text: string, functionNames: ReadonlySet<string>): void {
  parseTemplate(name, text, (word) => functionNames.has(word) || Object.hasOwn(BUILTINS, word));
}

class ParsedTemplateSet implements TemplateSet {
  private readonly defined = new Map<string, Tree>();
  private readonly parsed = new Map<string, Tree[]>();

  constructor(
    private readonly functions: Readonly<Record<string, TemplateFunction>>,
    private readonly missingKey: "default" | "zero" | "error",
    private readonly rangeOverNumbers: boolean,
  ) {}

  add(name: string, text: string): void {
    const [own, ...more] = this.parse(name, text);
    define(this.defined, more);
    if (!isEmpty(own.nodes)) define(this.defined, [own]);
  }

  execute(name: string, text: string, data: TemplateValue, options: { readonly html?: boolean } = {}): string {
    const [own, ...more] = this.parse(name, text);
    let templates: ReadonlyMap<string, Tree> = this.defined;
    if (more.length > 0) {
      const merged = new Map(this.defined);
      define(merged, more);
      templates = merged;
    }
    const html = options.html ?? false;
    const writer = html ? new HtmlWriter() : new TextWriter();
    const budget = { steps: 0, depth: 0 };
    const { missingKey, rangeOverNumbers } = this;
    const shared = { templates, missingKey, rangeOverNumbers, html, budget };
    // `tmpl NAME DATA` runs a template by a computed name and gives its text.
    const tmpl = (template: TemplateValue, argument: TemplateValue) => {
      const tree = typeof template === "string" ? templates.get(template) : undefined;
      if (!tree) throw new TemplateError(`template ${JSON.stringify(template)} not defined`);
      const inner = html ? new HtmlWriter() : new TextWriter();
      if (++budget.depth > 50) throw new TemplateError("tmpl is nested too deeply");
      execute(tree, argument, { ...shared, functions: all, writer: inner });
      budget.depth--;
      return inner.result();
    };
    // `routeLabels NAME` renders a label of the route, itself a template over the same data.
    const routeLabels = (label: TemplateValue) => {
      const tree = this.routeLabel(data, label);
      if (!tree) return "";
      if (++budget.depth > 50) throw new TemplateError("route labels refer to each other too deeply");
      const inner = new TextWriter();
      execute(tree, data, { ...shared, html: false, functions: all, writer: inner });
      budget.depth--;
      return inner.result();
    };
    const special: Readonly<Record<string, TemplateFunction>> = { tmpl, routeLabels };
    const known = Object.entries(special).filter(([word]) => Object.hasOwn(this.functions, word));
    const all = known.length > 0 ? { ...this.functions, ...Object.fromEntries(known) } : this.functions;
    execute(own, data, { ...shared, functions: all, writer });
    return writer.result();
  }

  private routeLabel(data: TemplateValue, label: TemplateValue): Tree | undefined {
    const labels = data instanceof GoStruct ? data.fields.RouteLabels : undefined;
    const text = labels instanceof GoMap && typeof label === "string" ? labels.entries.get(label) : undefined;
    return typeof text === "string" ? this.parse(`route label ${label}`, text)[0] : undefined;
  }

  private parse(name: string, text: string): Tree[] {
    if (text.length > TEXT_LIMIT) throw new TemplateError(`template: ${name}: longer than ${TEXT_LIMIT} characters`);
    const key = `${name}\0${text}`;
    const hit = this.parsed.get(key);
    if (hit) return hit;
    const trees = parseTemplate(
      name,
      text,
      (word) => Object.hasOwn(this.functions, word) || Object.hasOwn(BUILTINS, word),
    );
    if (this.parsed.size >= CACHE_LIMIT) this.parsed.delete(this.parsed.keys().next().value as string);
    this.parsed.set(key, trees);
    return trees;
  }
}

/** A later definition wins, except that an empty one does not replace one with content. */
function define(into: Map<string, Tree>, trees: readonly Tree[]): void {
  for (const tree of trees) if (!into.has(tree.name) || !isEmpty(tree.nodes)) into.set(tree.name, tree);
}

class TextWriter implements Writer {
  private readonly parts: string[] = [];
  size = 0;

  text(text: string): void {
    this.parts.push(text);
    this.size += text.length;
  }

  value(value: TemplateValue): void {
    this.text(value == null ? "<no value>" : printed(value));
  }

  result(): string {
    return this.parts.join("");
  }
}
