// The syntax tree of a template.

export type Node =
  | TextNode
  | ActionNode
  | BranchNode
  | RangeNode
  | TemplateNode
  | { readonly type: "break"; readonly at: number }
  | { readonly type: "continue"; readonly at: number };

export interface TextNode {
  readonly type: "text";
  readonly at: number;
  readonly text: string;
}

export interface ActionNode {
  readonly type: "action";
  readonly at: number;
  readonly pipe: PipeNode;
}

export interface BranchNode {
  readonly type: "if" | "with";
  readonly at: number;
  readonly pipe: PipeNode;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface RangeNode {
  readonly type: "range";
  readonly at: number;
  readonly pipe: PipeNode;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface TemplateNode {
  readonly type: "template";
  readonly at: number;
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

export interface PipeNode {
  readonly type: "pipe";
  readonly at: number;
  /** Variables declared (`:=`) or assigned (`=`), with their dollar sign. */
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly CommandNode[];
}

export interface CommandNode {
  readonly type: "command";
  readonly at: number;
  readonly args: readonly Operand[];
}

export type Operand =
  | { readonly type: "dot"; readonly at: number }
  | { readonly type: "nil"; readonly at: number }
  | { readonly type: "bool"; readonly at: number; readonly value: boolean }
  | { readonly type: "string"; readonly at: number; readonly value: string; readonly source: string }
  | NumberNode
  | { readonly type: "identifier"; readonly at: number; readonly name: string }
  | { readonly type: "field"; readonly at: number; readonly path: readonly string[] }
  | { readonly type: "variable"; readonly at: number; readonly name: string; readonly path: readonly string[] }
  | { readonly type: "chain"; readonly at: number; readonly of: Operand; readonly path: readonly string[] }
  | PipeNode;

export interface NumberNode {
  readonly type: "number";
  readonly at: number;
  readonly source: string;
  /** What the constant is when nothing asks for another type: int (bigint), float64 (number) or complex. */
  readonly value: bigint | number | { readonly real: number; readonly imaginary: number };
}

/** A parsed text: its own nodes, and the templates it defines. */
export interface Tree {
  readonly name: string;
  readonly text: string;
  readonly nodes: readonly Node[];
}

/** The source form, for error messages. */
export function printNode(node: Operand | CommandNode): string {
  switch (node.type) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(node.value);
    case "string":
    case "number":
      return node.source;
    case "identifier":
      return node.name;
    case "field":
      return node.path.map((part) => `.${part}`).join("");
    case "variable":
      return [node.name, ...node.path].join(".");
    case "chain":
      return `${node.of.type === "pipe" ? `(${printNode(node.of)})` : printNode(node.of)}.${node.path.join(".")}`;
    case "command":
      return node.args.map((arg) => (arg.type === "pipe" ? `(${printNode(arg)})` : printNode(arg))).join(" ");
    case "pipe": {
      const names = node.variables.length > 0 ? `${node.variables.join(", ")} ${node.assigns ? "=" : ":="} ` : "";
      return names + node.commands.map(printNode).join(" | ");
    }
  }
}
