// Templates of labels and annotations, expanded for one alert. A template may run queries, which answer later, while
// execution is at once: a query whose answer is not there yet ends the run, is asked, and the template runs again.
import type { LabelRecord } from "@storewatch/model";
import {
  createTemplateSet,
  GoStruct,
  prometheusFunctions,
  type QueriedSample,
  stringMap,
  TemplateError,
  type TemplateSet,
} from "../template/index.ts";

/** What every rule template starts with: the names that authors use. */
export const TEMPLATE_PREFIX =
  "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/** Different queries that one text may run; upstream has no limit, a rule needs one or two. */
const QUERY_LIMIT = 20;

export interface TemplateContext {
  readonly alert: string;
  readonly labels: LabelRecord;
  readonly value: number;
  readonly externalLabels: LabelRecord;
}

type Query = (expression: string) => Promise<readonly QueriedSample[]>;

/** One evaluation's view: its time, and the answers of its queries, kept until it ends. */
interface Evaluation {
  readonly query: Query;
  readonly nowMs: number;
  readonly answers: Map<string, readonly QueriedSample[] | TemplateError>;
  /** The query that the last run lacked an answer of. */
  wanted: string | undefined;
}

/** Expands a text of one evaluation; on failure gives `<error expanding template: …>`. Never rejects. */
export type Expand = (text: string, context: TemplateContext) => Promise<string>;

/** Holds the parsed templates of all rules. */
export class TemplateExpander {
  private current: Evaluation | undefined;
  private readonly templates: TemplateSet;

  constructor(readonly externalUrl: string) {
    this.templates = createTemplateSet(
      prometheusFunctions({
        query: (expression) => this.answer(expression),
        externalUrl,
        nowMs: () => this.current?.nowMs ?? 0,
      }),
    );
  }

  /** `query` is asked at the evaluation's time. */
  at(nowMs: number, query: Query): Expand {
    const evaluation: Evaluation = { query, nowMs, answers: new Map(), wanted: undefined };
    return (text, context) => this.expand(evaluation, text, context);
  }

  private answer(expression: string): readonly QueriedSample[] {
    const known = this.current?.answers.get(expression);
    if (known instanceof TemplateError) throw known;
    if (known) return known;
    if (this.current) this.current.wanted = expression;
    throw new TemplateError(`query ${expression} has not been answered yet`);
  }

  private async expand(evaluation: Evaluation, text: string, context: TemplateContext): Promise<string> {
    // Most labels and many annotations are plain text.
    if (!text.includes("{{")) return text;
    const name = `__alert_${context.alert}`;
    const data = new GoStruct("template.AlertTemplateData", {
      Labels: stringMap(context.labels),
      ExternalLabels: stringMap(context.externalLabels),
      ExternalURL: this.externalUrl,
      Value: context.value,
    });
    for (let round = 0; round <= QUERY_LIMIT; round++) {
      const result = this.attempt(evaluation, name, text, data);
      if (evaluation.wanted === undefined) return result;
      const { wanted } = evaluation;
      evaluation.answers.set(wanted, await ask(evaluation.query, wanted));
    }
    return `<error expanding template: error executing template ${name}: more than ${QUERY_LIMIT} queries>`;
  }

  /** One run, without a turn of the event loop in it: that is what makes `current` safe. */
  private attempt(evaluation: Evaluation, name: string, text: string, data: GoStruct): string {
    this.current = evaluation;
    evaluation.wanted = undefined;
    try {
      return this.templates.execute(name, TEMPLATE_PREFIX + text, data);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      return `<error expanding template: error executing template ${name}: ${error.message}>`;
    } finally {
      this.current = undefined;
    }
  }
}

async function ask(query: Query, expression: string): Promise<readonly QueriedSample[] | TemplateError> {
  try {
    return await query(expression);
  } catch (error) {
    return new TemplateError(error instanceof Error ? error.message : String(error));
  }
}
