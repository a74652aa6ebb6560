// Runs a parsed template. Every run is bounded in steps, depth and output, so that it ends whatever the text says.
import { BUILTINS, SHORT_CIRCUIT } from "./builtins.ts";
import { TemplateError, type TemplateFunction, type TemplateValue } from "./interface.ts";
import { lineOf } from "./lexer.ts";
import type { CommandNode, Node, NumberNode, Operand, PipeNode, RangeNode, TemplateNode, Tree } from "./nodes.ts";
import { printNode } from "./nodes.ts";
import {
  entriesOf,
  GoComplex,
  GoMap,
  GoStruct,
  intOf,
  isTrue,
  itemsOf,
  kindOf,
  methodOf,
  sortedKeys,
  typeName,
} from "./values.ts";

/** Nodes and iterations of one run; a notification of a thousand alerts needs about a hundred thousand. */
const STEP_LIMIT = 2_000_000;
/** Templates within templates. */
const DEPTH_LIMIT = 200;
const OUTPUT_LIMIT = 8 << 20;

/** Where the output goes: text of the template itself, and values, which an HTML writer escapes. */
export interface Writer {
  text(text: string): void;
  /** `escapedBy`: the escaper at the end of the pipeline ("html", "urlquery"), already applied or left to the writer. */
  value(value: TemplateValue, escapedBy: string | undefined): void;
  readonly size: number;
}

export interface ExecutionOptions {
  readonly functions: Readonly<Record<string, TemplateFunction>>;
  readonly templates: ReadonlyMap<string, Tree>;
  readonly missingKey: "default" | "zero" | "error";
  readonly rangeOverNumbers: boolean;
  readonly writer: Writer;
  /** The writer escapes by context: `| html` at a pipeline's end is left to it. */
  readonly html: boolean;
  readonly budget: Budget;
}

interface Variable {
  readonly name: string;
  value: TemplateValue;
}

type Flow = "next" | "break" | "continue";

/** "No argument was piped in", which differs from a nil that was. */
const NONE = Symbol("no final argument");

export function execute(tree: Tree, data: TemplateValue, options: ExecutionOptions): void {
  new Execution(tree, data, options, options.budget).run();
}

/** Shared by a run and everything that it starts. */
export interface Budget {
  steps: number;
  depth: number;
}

class Execution {
  private readonly variables: Variable[];

  constructor(
    private readonly tree: Tree,
    private readonly dot: TemplateValue,
    private readonly options: ExecutionOptions,
    private readonly budget: Budget,
  ) {
    this.variables = [{ name: "$", value: dot }];
  }

  run(): void {
    this.walkList(this.dot, this.tree.nodes);
  }

  private fail(node: { readonly at: number }, message: string, shown?: Operand | CommandNode): never {
    const { text, name } = this.tree;
    const before = text.slice(0, node.at);
    const column = Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1));
    const at = shown ? ` at <${shorten(printNode(shown))}>` : "";
    throw new TemplateError(
      `template: ${name}:${lineOf(text, node.at)}:${column}: executing ${JSON.stringify(name)}${at}: ${message}`,
    );
  }

  private step(node: { readonly at: number }): void {
    if (++this.budget.steps > STEP_LIMIT) this.fail(node, `more than ${STEP_LIMIT} steps`);
    if (this.options.writer.size > OUTPUT_LIMIT) this.fail(node, `more than ${OUTPUT_LIMIT} bytes of output`);
  }

  private walkList(dot: TemplateValue, nodes: readonly Node[]): Flow {
    for (const node of nodes) {
      const flow = this.walk(dot, node);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  private walk(dot: TemplateValue, node: Node): Flow {
    this.step(node);
    switch (node.type) {
      case "text":
        this.options.writer.text(node.text);
        return "next";
      case "action":
        this.action(dot, node.pipe);
        return "next";
      case "if":
      case "with": {
        const mark = this.variables.length;
        const value = this.pipeline(dot, node.pipe);
        const inner = node.type === "with" ? value : dot;
        const flow = isTrue(value) ? this.walkList(inner, node.body) : this.walkList(dot, node.otherwise);
        this.variables.length = mark;
        return flow;
      }
      case "range":
        return this.range(dot, node);
      case "template":
        this.call(dot, node);
        return "next";
      case "break":
      case "continue":
        return node.type;
    }
  }

  private action(dot: TemplateValue, pipe: PipeNode): void {
    const last = pipe.commands.at(-1)!;
    const final = last.args[0];
    const escaper =
      final.type === "identifier" && (final.name === "html" || final.name === "urlquery") ? final.name : undefined;
    if (this.options.html && escaper === "html" && pipe.commands.length > 1 && last.args.length === 1) {
      const value = this.pipeline(dot, { ...pipe, commands: pipe.commands.slice(0, -1) });
      if (pipe.variables.length === 0) this.options.writer.value(value, undefined);
      return;
    }
    const value = this.pipeline(dot, pipe);
    if (pipe.variables.length > 0) return;
    if (kindOf(value) === "func") this.fail(pipe, "can't print a function", pipe);
    this.options.writer.value(value, escaper);
  }

  private call(dot: TemplateValue, node: TemplateNode): void {
    const template = this.options.templates.get(node.name);
    if (!template) this.fail(node, `template ${JSON.stringify(node.name)} not defined`);
    if (++this.budget.depth > DEPTH_LIMIT) this.fail(node, "exceeded maximum template depth");
    const data = node.pipe ? this.pipeline(dot, node.pipe) : undefined;
    new Execution(template, data, this.options, this.budget).run();
    this.budget.depth--;
  }

  private range(dot: TemplateValue, node: RangeNode): Flow {
    const mark = this.variables.length;
    const value = this.pipeline(dot, node.pipe);
    const inner = this.variables.length;
    let count = 0;
    let ended = false;
    const once = (key: TemplateValue, item: TemplateValue): boolean => {
      count++;
      this.step(node);
      const names = node.pipe.variables;
      // Variables of an assignment (=) are set, declared ones (:=) are new in each round.
      const place = (name: string, variable: TemplateValue) => {
        if (node.pipe.assigns) this.assign(node, name, variable);
        else this.variables[inner - names.length + names.indexOf(name)] = { name, value: variable };
      };
      if (names.length === 1) place(names[0], item);
      if (names.length === 2) {
        place(names[0], key);
        place(names[1], item);
      }
      const flow = this.walkList(item, node.body);
      this.variables.length = inner;
      ended = flow === "break";
      return !ended;
    };
    this.each(value, node, once);
    this.variables.length = mark;
    if (count > 0 || ended) return "next";
    const flow = this.walkList(dot, node.otherwise);
    this.variables.length = mark;
    return flow;
  }

  private each(
    value: TemplateValue,
    node: RangeNode,
    once: (key: TemplateValue, item: TemplateValue) => boolean,
  ): void {
    const items = itemsOf(value);
    const entries = entriesOf(value);
    if (items) {
      for (let i = 0; i < items.length; i++) if (!once(BigInt(i), items[i])) return;
    } else if (entries) {
      for (const key of sortedKeys(entries)) if (!once(key, entries.get(key))) return;
    } else if (this.options.rangeOverNumbers && kindOf(value) === "int") {
      // Since Go 1.22.
      const end = intOf(value)!;
      for (let i = 0n; i < end; i++) if (!once(i, i)) return;
    } else if (value != null) {
      this.fail(node, `range can't iterate over ${typeName(value)}`, node.pipe);
    }
  }

  private assign(node: { readonly at: number }, name: string, value: TemplateValue): void {
    for (let i = this.variables.length - 1; i >= 0; i--) {
      if (this.variables[i].name === name) {
        this.variables[i].value = value;
        return;
      }
    }
    this.fail(node, `undefined variable: ${name}`);
  }

  private pipeline(dot: TemplateValue, pipe: PipeNode): TemplateValue {
    let value: TemplateValue | typeof NONE = NONE;
    for (const command of pipe.commands) {
      this.step(command);
      value = this.command(dot, command, value);
      // A nil interface becomes "no value" once it leaves a command, as in Go.
      if (value === null) value = undefined;
    }
    const result = value === NONE ? undefined : value;
    for (const name of pipe.variables) {
      if (pipe.assigns) this.assign(pipe, name, result);
      else this.variables.push({ name, value: result });
    }
    return result;
  }

  private command(dot: TemplateValue, command: CommandNode, final: TemplateValue): TemplateValue {
    const first = command.args[0];
    switch (first.type) {
      case "field":
        return this.fields(dot, dot, first, first.path, command, final);
      case "chain":
        return this.fields(dot, this.operand(dot, first.of), first, first.path, command, final);
      case "variable": {
        const value = this.variable(first, first.name);
        if (first.path.length === 0) {
          this.noArguments(command, final);
          return value;
        }
        return this.fields(dot, value, first, first.path, command, final);
      }
      case "identifier":
        return this.callFunction(dot, first.name, command, final);
      case "nil":
        return this.fail(first, "nil is not a command", first);
      default:
        this.noArguments(command, final);
        return this.operand(dot, first);
    }
  }

  private noArguments(command: CommandNode, final: TemplateValue): void {
    if (command.args.length > 1 || final !== NONE) {
      this.fail(command.args[0], `can't give argument to non-function ${printNode(command.args[0])}`, command.args[0]);
    }
  }

  private operand(dot: TemplateValue, node: Operand): TemplateValue {
    switch (node.type) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "bool":
      case "string":
        return node.value;
      case "number":
        return constant(node.value);
      case "pipe":
        return this.nested(node, () => this.pipeline(dot, node));
      default:
        return this.command(dot, { type: "command", at: node.at, args: [node] }, NONE);
    }
  }

  private nested<T>(node: { readonly at: number }, work: () => T): T {
    if (++this.budget.depth > DEPTH_LIMIT * 2) this.fail(node, "nested too deeply");
    try {
      return work();
    } finally {
      this.budget.depth--;
    }
  }

  private variable(node: { readonly at: number }, name: string): TemplateValue {
    for (let i = this.variables.length - 1; i >= 0; i--)
      if (this.variables[i].name === name) return this.variables[i].value;
    return this.fail(node, `undefined variable: ${name}`);
  }

  private callFunction(dot: TemplateValue, name: string, command: CommandNode, final: TemplateValue): TemplateValue {
    const own = this.options.functions;
    const call = Object.hasOwn(own, name) ? own[name] : BUILTINS[name];
    if (!call) this.fail(command, `${JSON.stringify(name)} is not a defined function`, command);
    if (SHORT_CIRCUIT.has(name)) return this.shortCircuit(dot, name, command, final);
    const args = command.args.slice(1).map((arg) => this.operand(dot, arg));
    if (final !== NONE) args.push(final);
    return this.invoke(name, call, args, command);
  }

  private shortCircuit(dot: TemplateValue, name: string, command: CommandNode, final: TemplateValue): TemplateValue {
    const args = command.args.slice(1);
    let value: TemplateValue;
    for (const arg of args) {
      value = this.operand(dot, arg);
      if (isTrue(value) === (name === "or")) return value;
    }
    if (final !== NONE) return final;
    if (args.length === 0) this.fail(command, `wrong number of args for ${name}: want at least 1 got 0`, command);
    return value;
  }

  private invoke(name: string, call: TemplateFunction, args: TemplateValue[], node: CommandNode): TemplateValue {
    try {
      const value = call(...args);
      if (typeof value === "string" && value.length > OUTPUT_LIMIT) throw new TemplateError("the text grows too long");
      return value;
    } catch (error) {
      // A text beyond what the machine can hold.
      if (error instanceof RangeError) return this.fail(node, `error calling ${name}: ${error.message}`, node);
      if (!(error instanceof TemplateError) || error.message.startsWith("template: ")) throw error;
      return this.fail(node, `error calling ${name}: ${error.message}`, node);
    }
  }

  private fields(
    dot: TemplateValue,
    start: TemplateValue,
    node: Operand,
    path: readonly string[],
    command: CommandNode,
    final: TemplateValue,
  ): TemplateValue {
    let value = start;
    const last = path.length - 1;
    for (let i = 0; i < last; i++) value = this.field(dot, value, path[i], node, [], NONE);
    return this.field(dot, value, path[last], node, command.args.slice(1), final);
  }

  private field(
    dot: TemplateValue,
    receiver: TemplateValue,
    name: string,
    node: Operand,
    operands: readonly Operand[],
    final: TemplateValue,
  ): TemplateValue {
    if (receiver === undefined) {
      if (this.options.missingKey === "error")
        this.fail(node, `nil data; no entry for key ${JSON.stringify(name)}`, node);
      return undefined;
    }
    if (receiver === null) this.fail(node, `nil pointer evaluating interface {}.${name}`, node);
    const method = methodOf(receiver, name);
    if (method) {
      const args = operands.map((operand) => this.operand(dot, operand));
      if (final !== NONE) args.push(final);
      return this.invoke(name, method, args, { type: "command", at: node.at, args: [node, ...operands] });
    }
    const hasArguments = operands.length > 0 || final !== NONE;
    if (receiver instanceof GoStruct && Object.hasOwn(receiver.fields, name)) {
      if (hasArguments) this.fail(node, `${name} has arguments but cannot be invoked as function`, node);
      return receiver.fields[name];
    }
    const entries = entriesOf(receiver);
    if (entries) {
      if (hasArguments) this.fail(node, `${name} is not a method but has arguments`, node);
      return this.mapEntry(receiver, entries, name, node);
    }
    if (hasArguments) this.fail(node, `${name} is not a method but has arguments`, node);
    return this.fail(node, `can't evaluate field ${name} in type ${typeName(receiver)}`, node);
  }

  private mapEntry(
    receiver: TemplateValue,
    entries: ReadonlyMap<string, TemplateValue>,
    name: string,
    node: Operand,
  ): TemplateValue {
    if (entries.has(name)) return entries.get(name);
    switch (this.options.missingKey) {
      case "error":
        return this.fail(node, `map has no entry for key ${JSON.stringify(name)}`, node);
      case "zero":
        return receiver instanceof GoMap ? receiver.zero : null;
      default:
        return undefined;
    }
  }
}

function constant(value: NumberNode["value"]): TemplateValue {
  return typeof value === "object" ? new GoComplex(value.real, value.imaginary) : value;
}

function shorten(text: string): string {
  return text.length > 20 ? `${text.slice(0, 20)}...` : text;
}
