// text/template's grammar: tokens to a tree. Errors carry the template's name and the line.
import { TemplateError } from "./interface.ts";
import { lex, lineOf, type Token, type TokenType } from "./lexer.ts";
import { parseCharacter, parseNumber, unquote } from "./literal.ts";
import type { CommandNode, Node, Operand, PipeNode, Tree } from "./nodes.ts";

/** Nesting beyond this is refused: no real template comes near, and the stack stays safe. */
const DEPTH_LIMIT = 200;
const OPERAND_STARTS = new Set<TokenType>([
  "bool",
  "char",
  "dot",
  "field",
  "identifier",
  "number",
  "nil",
  "raw",
  "string",
  "variable",
  "(",
]);

/** The text's own tree first, then the templates that it defines. Throws TemplateError. */
export function parseTemplate(name: string, text: string, hasFunction: (name: string) => boolean): Tree[] {
  return new Parser(name, text, hasFunction).run();
}

type Stop = "end" | "else";

class Parser {
  private readonly tokens: Token[];
  private index = 0;
  private variables = ["$"];
  private rangeDepth = 0;
  private depth = 0;
  private readonly trees = new Map<string, Tree>();

  constructor(
    private readonly name: string,
    private readonly text: string,
    private readonly hasFunction: (name: string) => boolean,
  ) {
    this.tokens = lex(name, text);
  }

  run(): Tree[] {
    const nodes: Node[] = [];
    while (this.peek().type !== "eof") {
      if (this.peek().type === "left" && this.actionWord() === "define") {
        this.nextToken();
        this.definition(this.nextNonSpace());
        continue;
      }
      const item = this.item();
      if (typeof item === "string") this.fail(`unexpected {{${item}}}`);
      if (item) nodes.push(item);
    }
    return [{ name: this.name, text: this.text, nodes }, ...this.trees.values()];
  }

  private fail(message: string): never {
    const at = this.tokens[Math.max(0, this.index - 1)]?.at ?? 0;
    throw new TemplateError(`template: ${this.name}:${lineOf(this.text, at)}: ${message}`);
  }

  private peek(): Token {
    return this.tokens[this.index];
  }

  private nextToken(): Token {
    const token = this.tokens[this.index];
    if (token.type !== "eof") this.index++;
    return token;
  }

  private skipSpace(): void {
    while (this.peek().type === "space") this.index++;
  }

  private peekNonSpace(): Token {
    this.skipSpace();
    return this.peek();
  }

  private nextNonSpace(): Token {
    this.skipSpace();
    return this.nextToken();
  }

  private expect(type: TokenType, context: string): Token {
    const token = this.nextNonSpace();
    if (token.type !== type) this.unexpected(token, context);
    return token;
  }

  private unexpected(token: Token, context: string): never {
    const shown =
      token.type === "eof" ? "EOF" : token.type === "keyword" ? `<${token.text}>` : JSON.stringify(token.text);
    this.fail(token.type === "eof" ? "unexpected EOF" : `unexpected ${shown} in ${context}`);
  }

  /** The keyword with which the action at the current "{{" starts, if any. */
  private actionWord(): string | undefined {
    let i = this.index + 1;
    while (this.tokens[i]?.type === "space") i++;
    const token = this.tokens[i];
    return token?.type === "keyword" ? token.text : undefined;
  }

  private nested<T>(work: () => T): T {
    if (++this.depth > DEPTH_LIMIT) this.fail("nested too deeply");
    try {
      return work();
    } finally {
      this.depth--;
    }
  }

  /** Text or an action; "end" and "else" tell the caller to stop. */
  private item(): Node | Stop | undefined {
    const token = this.nextNonSpace();
    if (token.type === "text") return { type: "text", at: token.at, text: token.text };
    if (token.type === "left") return this.nested(() => this.action(token));
    return this.unexpected(token, "input");
  }

  private items(): { nodes: Node[]; stop: Stop } {
    const nodes: Node[] = [];
    while (this.peekNonSpace().type !== "eof") {
      const item = this.item();
      if (typeof item === "string") return { nodes, stop: item };
      if (item) nodes.push(item);
    }
    this.nextToken();
    return this.fail("unexpected EOF");
  }

  private action(left: Token): Node | Stop {
    const token = this.peekNonSpace();
    if (token.type !== "keyword") return { type: "action", at: left.at, pipe: this.pipeline("command", "right") };
    this.nextToken();
    switch (token.text) {
      case "block":
        return this.block(token);
      case "break":
      case "continue":
        if (this.rangeDepth === 0) this.fail(`{{${token.text}}} outside {{range}}`);
        this.expect("right", `{{${token.text}}}`);
        return { type: token.text, at: token.at };
      case "else":
        if (this.peekNonSpace().type !== "keyword") this.expect("right", "else");
        return "else";
      case "end":
        this.expect("right", "end");
        return "end";
      case "if":
      case "with":
      case "range":
        return this.control(token.text, token);
      case "template":
        return this.templateCall(token);
      default:
        return this.unexpected(token, "command");
    }
  }

  private control(type: "if" | "with" | "range", token: Token): Node {
    const scope = this.variables.length;
    const pipe = this.pipeline(type, "right");
    if (type === "range") this.rangeDepth++;
    const then = this.items();
    if (type === "range") this.rangeDepth--;
    let otherwise: Node[] = [];
    if (then.stop === "else") otherwise = this.otherwise(type);
    this.variables.length = scope;
    return { type, at: token.at, pipe, body: then.nodes, otherwise };
  }

  private otherwise(type: "if" | "with" | "range"): Node[] {
    const next = this.peekNonSpace();
    // {{else if}}, and since Go 1.23 {{else with}}: one {{end}} closes both.
    if (next.type === "keyword") {
      if (type === "range" || next.text !== type) this.unexpected(this.nextToken(), "else");
      this.nextToken();
      return [this.nested(() => this.control(type, next))];
    }
    const { nodes, stop } = this.items();
    if (stop !== "end") this.fail("expected end; found {{else}}");
    return nodes;
  }

  private templateName(context: string): string {
    const token = this.nextNonSpace();
    if (token.type !== "string" && token.type !== "raw") this.unexpected(token, context);
    return this.unquoted(token);
  }

  private unquoted(token: Token): string {
    const value = token.type === "raw" ? token.text.slice(1, -1).replaceAll("\r", "") : unquote(token.text);
    return value ?? this.fail("invalid syntax");
  }

  private templateCall(token: Token): Node {
    const name = this.templateName("template clause");
    const empty = this.peekNonSpace().type === "right";
    if (empty) this.nextToken();
    return { type: "template", at: token.at, name, pipe: empty ? undefined : this.pipeline("template", "right") };
  }

  private block(token: Token): Node {
    const name = this.templateName("block clause");
    const pipe = this.pipeline("block clause", "right");
    this.body(name, "block clause");
    return { type: "template", at: token.at, name, pipe };
  }

  private definition(token: Token): void {
    if (token.text !== "define") this.unexpected(token, "input");
    const name = this.templateName("define clause");
    this.expect("right", "define clause");
    this.body(name, "define clause");
  }

  /** The nodes up to {{end}} as a template of its own, with variables of its own. */
  private body(name: string, context: string): void {
    const { variables, rangeDepth } = this;
    this.variables = ["$"];
    this.rangeDepth = 0;
    const { nodes, stop } = this.items();
    if (stop !== "end") this.fail(`unexpected {{else}} in ${context}`);
    this.variables = variables;
    this.rangeDepth = rangeDepth;
    const before = this.trees.get(name);
    if (before && !isEmpty(before.nodes) && !isEmpty(nodes)) {
      this.fail(`multiple definition of template ${JSON.stringify(name)}`);
    }
    if (!before || isEmpty(before.nodes)) this.trees.set(name, { name, text: this.text, nodes });
  }

  private pipeline(context: string, end: "right" | ")"): PipeNode {
    const at = this.peekNonSpace().at;
    const variables: string[] = [];
    const assigns = this.declarations(context, variables);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.nextNonSpace();
      if (token.type === end) break;
      if (!OPERAND_STARTS.has(token.type)) this.unexpected(token, context);
      this.index--;
      commands.push(this.command());
    }
    if (commands.length === 0) this.fail(`missing value for ${context}`);
    commands.slice(1).forEach((command, i) => {
      if (["bool", "dot", "nil", "number", "string"].includes(command.args[0].type)) {
        this.fail(`non executable command in pipeline stage ${i + 2}`);
      }
    });
    return { type: "pipe", at, variables, assigns, commands };
  }

  /** `$x :=`, `$x =`, `$i, $e :=`; returns whether it assigns (`=`). */
  private declarations(context: string, variables: string[]): boolean {
    for (;;) {
      if (this.peekNonSpace().type !== "variable") return false;
      const start = this.index;
      const variable = this.nextToken();
      const next = this.peekNonSpace();
      if (next.type === "declare" || next.type === "assign") {
        this.nextToken();
        variables.push(variable.text);
        this.variables.push(variable.text);
        return next.type === "assign";
      }
      if (next.type !== "comma") {
        this.index = start;
        return false;
      }
      this.nextToken();
      variables.push(variable.text);
      this.variables.push(variable.text);
      if (context !== "range" || variables.length >= 2) this.fail(`too many declarations in ${context}`);
      const follows = this.peekNonSpace().type;
      if (follows === "right" || follows === ")") return false;
      if (follows !== "variable") this.fail("range can only initialize variables");
    }
  }

  private command(): CommandNode {
    const at = this.peekNonSpace().at;
    const args: Operand[] = [];
    for (;;) {
      this.skipSpace();
      const operand = this.operand();
      if (operand) args.push(operand);
      const token = this.nextToken();
      if (token.type === "space") continue;
      if (token.type === "right" || token.type === ")") this.index--;
      else if (token.type !== "pipe") this.unexpected(token, "operand");
      break;
    }
    if (args.length === 0) this.fail("empty command");
    return { type: "command", at, args };
  }

  private operand(): Operand | undefined {
    const node = this.term();
    if (!node || this.peek().type !== "field") return node;
    const at = this.peek().at;
    const path: string[] = [];
    while (this.peek().type === "field") path.push(this.nextToken().text.slice(1));
    switch (node.type) {
      case "field":
        return { type: "field", at, path: [...node.path, ...path] };
      case "variable":
        return { ...node, at, path: [...node.path, ...path] };
      case "bool":
      case "string":
      case "number":
      case "nil":
      case "dot":
        return this.fail("unexpected . after term");
      default:
        return { type: "chain", at, of: node, path };
    }
  }

  private term(): Operand | undefined {
    const token = this.nextToken();
    const { at, text } = token;
    switch (token.type) {
      case "identifier":
        if (!this.hasFunction(text)) this.fail(`function ${JSON.stringify(text)} not defined`);
        return { type: "identifier", at, name: text };
      case "dot":
        return { type: "dot", at };
      case "nil":
        return { type: "nil", at };
      case "bool":
        return { type: "bool", at, value: text === "true" };
      case "variable":
        if (!this.variables.includes(text)) this.fail(`undefined variable ${JSON.stringify(text)}`);
        return { type: "variable", at, name: text, path: [] };
      case "field":
        return { type: "field", at, path: [text.slice(1)] };
      case "number":
        return {
          type: "number",
          at,
          source: text,
          value: parseNumber(text) ?? this.fail(`bad number syntax: "${text}"`),
        };
      case "char": {
        const value = parseCharacter(text) ?? this.fail(`malformed character constant: ${text}`);
        return { type: "number", at, source: text, value };
      }
      case "string":
      case "raw":
        return { type: "string", at, source: text, value: this.unquoted(token) };
      case "(":
        return this.nested(() => this.pipeline("parenthesized pipeline", ")"));
      default:
        this.index--;
        return undefined;
    }
  }
}

/** Only white space and comments. */
export function isEmpty(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.type === "text" && node.text.trim() === "");
}
