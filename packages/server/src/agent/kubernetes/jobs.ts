// kube_job_*, kube_cronjob_*
import {
  CONDITION_STATUSES,
  created,
  gauge,
  info,
  type KubeFamily,
  type KubeSample,
  oneOf,
  owners,
  statusNumber,
} from "./family.ts";
import type { CronJob, Job } from "./objects.ts";
import { unixSeconds } from "./quantity.ts";

const FAILURE_REASONS = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

export const jobFamilies: ReadonlyArray<KubeFamily<Job>> = [
  info("kube_job_info", "Information about job.", () => ({})),
  created("kube_job"),
  owners("kube_job"),
  gauge("kube_job_spec_parallelism", "The most pods that the job runs at once.", ({ spec }) => spec?.parallelism),
  gauge("kube_job_spec_completions", "How many pods must finish well.", ({ spec }) => spec?.completions),
  gauge(
    "kube_job_spec_active_deadline_seconds",
    "How long the job may run.",
    ({ spec }) => spec?.activeDeadlineSeconds,
  ),
  statusNumber("kube_job_status_active", "The number of actively running pods.", ({ status }) => status?.active),
  statusNumber(
    "kube_job_status_succeeded",
    "The number of pods which reached Phase Succeeded.",
    ({ status }) => status?.succeeded,
  ),
  gauge("kube_job_status_failed", "The number of pods which reached Phase Failed and the reason for failure.", failed),
  gauge("kube_job_status_start_time", "When the job was acknowledged by the job manager.", ({ status }) =>
    unixSeconds(status?.startTime),
  ),
  gauge("kube_job_status_completion_time", "When the job was completed.", ({ status }) =>
    unixSeconds(status?.completionTime),
  ),
  jobCondition("complete", "The job has completed its execution.", "Complete"),
  jobCondition("failed", "The job has failed its execution.", "Failed"),
];

/** As kube-state-metrics: the count alone, or once the job has failed a series for each known reason. */
function failed({ status }: Job): readonly KubeSample[] {
  const count = status?.failed ?? 0;
  const condition = status?.conditions?.find(({ type }) => type === "Failed");
  if (count === 0 || !condition) return [[{}, count]];
  if (!FAILURE_REASONS.includes(condition.reason ?? "")) return [[{ reason: "" }, count]];
  return oneOf("reason", FAILURE_REASONS, condition.reason);
}

function jobCondition(suffix: string, help: string, type: string): KubeFamily<Job> {
  return gauge(`kube_job_${suffix}`, help, ({ status }) =>
    (status?.conditions ?? [])
      .filter((condition) => condition.type === type)
      .slice(0, 1)
      .flatMap((condition) => oneOf("condition", CONDITION_STATUSES, condition.status?.toLowerCase())),
  );
}

export const cronJobFamilies: ReadonlyArray<KubeFamily<CronJob>> = [
  info("kube_cronjob_info", "Info about cronjob.", ({ spec }) => ({
    schedule: spec?.schedule ?? "",
    concurrency_policy: spec?.concurrencyPolicy ?? "",
    timezone: spec?.timeZone ?? "local",
  })),
  created("kube_cronjob"),
  statusNumber(
    "kube_cronjob_status_active",
    "Active holds pointers to currently running jobs.",
    ({ status }) => status?.active?.length,
  ),
  gauge("kube_cronjob_status_last_schedule_time", "When the job was last scheduled.", ({ status }) =>
    unixSeconds(status?.lastScheduleTime),
  ),
  gauge("kube_cronjob_status_last_successful_time", "When the job last finished well.", ({ status }) =>
    unixSeconds(status?.lastSuccessfulTime),
  ),
  gauge("kube_cronjob_spec_suspend", "Whether the cronjob is suspended.", ({ spec }) => spec?.suspend === true),
  gauge(
    "kube_cronjob_spec_starting_deadline_seconds",
    "Deadline in seconds for starting the job if it misses scheduled time.",
    ({ spec }) => spec?.startingDeadlineSeconds,
  ),
  gauge(
    "kube_cronjob_spec_successful_job_history_limit",
    "How many jobs that finished well are kept.",
    ({ spec }) => spec?.successfulJobsHistoryLimit,
  ),
  gauge(
    "kube_cronjob_spec_failed_job_history_limit",
    "How many jobs that failed are kept.",
    ({ spec }) => spec?.failedJobsHistoryLimit,
  ),
];
