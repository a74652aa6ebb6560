// Template functions with declared parameters: the number and the types of arguments are checked as Go's reflection
// would, so that the functions themselves only see what they expect.
import { TemplateError, type TemplateFunction, type TemplateValue } from "./interface.ts";
import { GoDuration, GoTime } from "./time.ts";
import { intOf, itemsOf, kindOf, SafeText, stringOf, typeName } from "./values.ts";

interface Parameters {
  readonly string: string;
  readonly int: bigint;
  readonly strings: readonly string[];
  readonly time: GoTime;
  readonly duration: GoDuration;
  readonly any: TemplateValue;
}
export type Parameter = keyof Parameters;
type Arguments<P extends readonly Parameter[]> = { [K in keyof P]: Parameters[P[K]] };

const GO_NAMES: Readonly<Record<Parameter, string>> = {
  string: "string",
  int: "int",
  strings: "[]string",
  time: "time.Time",
  duration: "time.Duration",
  any: "interface {}",
};

/** A function of exactly these parameters. */
export function takes<const P extends readonly Parameter[]>(
  parameters: P,
  call: (...args: Arguments<P>) => TemplateValue,
): TemplateFunction {
  return named(parameters, undefined, (args) => call(...(args as unknown as Arguments<P>)));
}

/** A function of these parameters and any number of further ones of type `rest`. */
export function takesMore<const P extends readonly Parameter[], R extends Parameter>(
  parameters: P,
  rest: R,
  call: (first: Arguments<P>, more: ReadonlyArray<Parameters[R]>) => TemplateValue,
): TemplateFunction {
  return named(parameters, rest, (args) =>
    call(
      args.slice(0, parameters.length) as unknown as Arguments<P>,
      args.slice(parameters.length) as ReadonlyArray<Parameters[R]>,
    ),
  );
}

function named(
  parameters: readonly Parameter[],
  rest: Parameter | undefined,
  call: (args: TemplateValue[]) => TemplateValue,
): TemplateFunction {
  return (...args) => {
    const fits = rest === undefined ? args.length === parameters.length : args.length >= parameters.length;
    if (!fits) {
      const want = rest === undefined ? String(parameters.length) : `at least ${parameters.length}`;
      throw new TemplateError(`wrong number of args: want ${want} got ${args.length}`);
    }
    return call(args.map((arg, i) => convert(arg, parameters[i] ?? rest ?? "any")));
  };
}

function convert(value: TemplateValue, parameter: Parameter): TemplateValue {
  const converted = fitting(value, parameter);
  if (converted !== undefined || parameter === "any") return converted;
  if (value == null) throw new TemplateError(`invalid value; expected ${GO_NAMES[parameter]}`);
  throw new TemplateError(`wrong type for value; expected ${GO_NAMES[parameter]}; got ${typeName(value)}`);
}

function fitting(value: TemplateValue, parameter: Parameter): TemplateValue {
  switch (parameter) {
    case "any":
      return value ?? null;
    case "string":
      return value instanceof SafeText ? undefined : stringOf(value);
    case "int":
      return kindOf(value) === "int" ? intOf(value) : undefined;
    case "time":
      return value instanceof GoTime ? value : undefined;
    case "duration":
      return typeof value === "bigint" ? new GoDuration(value) : value instanceof GoDuration ? value : undefined;
    case "strings": {
      const items = itemsOf(value);
      return items?.every((item) => typeof item === "string") ? items : undefined;
    }
  }
}
