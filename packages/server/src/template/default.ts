// Storewatch's own default notification templates, under the names that Alertmanager's configurations refer to.
// A file named in `templates:` of the configuration may define any of them anew.
// AlertStorm is the digest of the storm control: its "alerts" are a head and a line for each group, so they are not
// counted; its labels hold the true numbers.

const SHARED = `
{{- define "__alertmanager" }}Storewatch{{ end }}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/alerts?receiver={{ .Receiver | urlquery }}{{ end }}
{{- define "__subject" }}[{{ .Status | toUpper }}{{ if and (eq .Status "firing") (ne .GroupLabels.alertname "AlertStorm") }}:{{ len .Alerts.Firing }}{{ end }}] {{ join " " .GroupLabels.SortedPairs.Values }}{{ with .CommonLabels.Remove .GroupLabels.Names }} ({{ join " " .Values }}){{ end }}{{ end }}
{{- define "__description" }}{{ end }}
{{- define "__alert_title" }}{{ or .Annotations.summary .Annotations.message .Labels.alertname "alert" }}{{ end }}
{{- define "__text_alert_list" }}{{ range . }}
- {{ template "__alert_title" . }}
{{- with .Annotations.description }}
  {{ . }}
{{- end }}
  labels: {{ range $i, $pair := .Labels.SortedPairs }}{{ if $i }}, {{ end }}{{ $pair.Name }}={{ $pair.Value }}{{ end }}
  since: {{ .StartsAt.Format "2006-01-02 15:04:05 MST" }}{{ if eq .Status "resolved" }}, until: {{ .EndsAt.Format "2006-01-02 15:04:05 MST" }}{{ end }}
{{- with .Annotations.runbook_url }}
  runbook: {{ . }}
{{- end }}
{{- with .GeneratorURL }}
  source: {{ . }}
{{- end }}
{{ end }}{{ end }}
{{- define "__text_alert_list_markdown" }}{{ range . }}
- **{{ template "__alert_title" . }}**
{{- with .Annotations.description }}
  {{ . }}
{{- end }}
  {{ range $i, $pair := .Labels.SortedPairs }}{{ if $i }}, {{ end }}\`{{ $pair.Name }}={{ $pair.Value }}\`{{ end }}
{{- with .GeneratorURL }}
  [Source]({{ . }})
{{- end }}
{{ end }}{{ end }}
{{- define "__text" }}{{ with .Alerts.Firing }}Firing:
{{ template "__text_alert_list" . }}{{ end }}{{ with .Alerts.Resolved }}Resolved:
{{ template "__text_alert_list" . }}{{ end }}{{ end }}
{{- define "__markdown" }}{{ with .Alerts.Firing }}# Firing
{{ template "__text_alert_list_markdown" . }}{{ end }}{{ with .Alerts.Resolved }}# Resolved
{{ template "__text_alert_list_markdown" . }}{{ end }}{{ end }}
`;

/** Template name → what it holds; most receivers want the subject, the text or the link. */
const NAMED: Readonly<Record<string, string>> = {
  "slack.default.title": '{{ template "__subject" . }}',
  "slack.default.username": '{{ template "__alertmanager" . }}',
  "slack.default.fallback": '{{ template "__subject" . }} | {{ template "__alertmanagerURL" . }}',
  "slack.default.callbackid": "",
  "slack.default.pretext": "",
  "slack.default.titlelink": '{{ template "__alertmanagerURL" . }}',
  "slack.default.iconemoji": "",
  "slack.default.iconurl": "",
  "slack.default.text": "",
  "slack.default.footer": "",
  "slack.default.color": '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
  "pagerduty.default.description": '{{ template "__subject" . }}',
  "pagerduty.default.client": '{{ template "__alertmanager" . }}',
  "pagerduty.default.clientURL": '{{ template "__alertmanagerURL" . }}',
  "pagerduty.default.instances": '{{ template "__text_alert_list" . }}',
  "opsgenie.default.message": '{{ template "__subject" . }}',
  "opsgenie.default.description": '{{ template "__text" . }}',
  "opsgenie.default.source": '{{ template "__alertmanagerURL" . }}',
  "wechat.default.message":
    '{{ template "__subject" . }}\n{{ template "__text" . }}{{ template "__alertmanagerURL" . }}',
  "wechat.default.to_user": "",
  "wechat.default.to_party": "",
  "wechat.default.to_tag": "",
  "wechat.default.agent_id": "",
  "victorops.default.state_message": '{{ template "__text" . }}',
  "victorops.default.entity_display_name": '{{ template "__subject" . }}',
  "victorops.default.monitoring_tool": '{{ template "__alertmanager" . }}',
  "pushover.default.title": '{{ template "__subject" . }}',
  "pushover.default.message": '{{ template "__text" . }}',
  "pushover.default.url": '{{ template "__alertmanagerURL" . }}',
  "sns.default.subject": '{{ template "__subject" . }}',
  "sns.default.message": '{{ template "__text" . }}',
  "telegram.default.message": '{{ template "__subject" . }}\n{{ template "__text" . }}',
  "discord.default.content": "",
  "discord.default.title": '{{ template "__subject" . }}',
  "discord.default.message": '{{ template "__text" . }}',
  "webex.default.message": '{{ template "__markdown" . }}',
  "msteams.default.summary": '{{ template "__subject" . }}',
  "msteams.default.title": '{{ template "__subject" . }}',
  "msteams.default.text": '{{ template "__markdown" . }}',
  "msteamsv2.default.title": '{{ template "__subject" . }}',
  "msteamsv2.default.text": '{{ template "__markdown" . }}',
  "jira.default.summary": '{{ template "__subject" . }}',
  "jira.default.description": '{{ template "__markdown" . }}',
  "jira.default.priority": "",
  "rocketchat.default.title": '{{ template "__subject" . }}',
  "rocketchat.default.titlelink": '{{ template "__alertmanagerURL" . }}',
  "rocketchat.default.emoji": "",
  "rocketchat.default.iconurl": "",
  "rocketchat.default.text": '{{ template "__text" . }}',
  "mattermost.default.text": '{{ template "__markdown" . }}',
  "email.default.subject": '{{ template "__subject" . }}',
};

const CELL = "padding:12px 16px;border-bottom:1px solid #e3e6ea;";

const EMAIL = `
{{- define "__email_alert" }}
<tr><td style="${CELL}">
<strong>{{ template "__alert_title" . }}</strong><br>
{{ with .Annotations.description }}{{ . }}<br>{{ end }}
<span style="color:#5b6470;font-size:13px;">
{{- range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}<br>{{ end -}}
since {{ .StartsAt.Format "2006-01-02 15:04:05 MST" }}{{ if eq .Status "resolved" }}, until {{ .EndsAt.Format "2006-01-02 15:04:05 MST" }}{{ end }}</span>
{{ with .Annotations.runbook_url }}<br><a href="{{ . }}">Runbook</a>{{ end }}
{{ with .GeneratorURL }}<br><a href="{{ . }}">Source</a>{{ end }}
</td></tr>
{{ end }}
{{- define "email.default.html" }}<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>{{ template "__subject" . }}</title></head>
<body style="margin:0;padding:24px;background:#f4f6f8;color:#1c2430;font-family:Helvetica,Arial,sans-serif;font-size:15px;">
<table width="100%" cellpadding="0" cellspacing="0" style="max-width:680px;margin:0 auto;background:#ffffff;border:1px solid #e3e6ea;">
<tr><td style="padding:16px;color:#ffffff;background:{{ if eq .Status "firing" }}#b3261e{{ else }}#1e7d4f{{ end }};">
<strong>{{ if ne .GroupLabels.alertname "AlertStorm" }}{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ end }}{{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}</strong>
</td></tr>
<tr><td style="${CELL}"><a href="{{ template "__alertmanagerURL" . }}">View in {{ template "__alertmanager" . }}</a></td></tr>
{{ with .Alerts.Firing }}<tr><td style="${CELL}">{{ if ne $.GroupLabels.alertname "AlertStorm" }}[{{ len . }}] {{ end }}Firing</td></tr>{{ range . }}{{ template "__email_alert" . }}{{ end }}{{ end }}
{{ with .Alerts.Resolved }}<tr><td style="${CELL}">{{ if ne $.GroupLabels.alertname "AlertStorm" }}[{{ len . }}] {{ end }}Resolved</td></tr>{{ range . }}{{ template "__email_alert" . }}{{ end }}{{ end }}
<tr><td style="padding:12px 16px;color:#5b6470;font-size:13px;"><a href="{{ .ExternalURL }}">Sent by {{ template "__alertmanager" . }}</a></td></tr>
</table>
</body>
</html>
{{ end }}`;

/** The text to give to `TemplateSet.add` before the operator's own template files. */
export const DEFAULT_TEMPLATES: string =
  SHARED +
  Object.entries(NAMED)
    .map(([name, text]) => `{{- define "${name}" }}${text}{{ end }}`)
    .join("\n") +
  EMAIL;
