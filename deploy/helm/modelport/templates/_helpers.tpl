{{- define "modelport.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "modelport.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 55 | trimSuffix "-" -}}
{{- else if contains (include "modelport.name" .) .Release.Name -}}
{{- .Release.Name | trunc 55 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "modelport.name" .) | trunc 55 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "modelport.selectorLabels" -}}
app.kubernetes.io/name: {{ include "modelport.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "modelport.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "modelport.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "modelport.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "modelport.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "modelport.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* Probes over HTTP, or by a program in the container where TLS may ask for certificates. Its argument is live or ready. */}}
{{- define "modelport.probeHandler" -}}
{{- if .root.Values.tls.secret -}}
exec:
  command: [node, /app/deploy/health.js, {{ .what }}]
{{- else -}}
httpGet:
  path: /v2/health/{{ .what }}
  port: calls
{{- end -}}
{{- end -}}

{{/* Refuses settings whose value the chart gives: the container's environment would win without a word. */}}
{{- define "modelport.checkSettings" -}}
{{- $owned := dict
  "host" "listenHost" "port" "port" "model-repository" "models.path" "container-memory" "resources.limits.memory"
  "unix-socket" "tls.secret" "tls-cert" "tls.secret" "tls-key" "tls.secret" "tls-client-ca" "tls.clientCaKey"
  "lifecycle-access" "access.lifecycle" "inference-access" "access.inference"
  "lifecycle-tokens" "access.tokensSecret" "inference-tokens" "access.tokensSecret" "token-transport" "access.tokensWithoutTls"
  "metrics-port" "metrics.port" "metrics-host" "metrics.enabled" "shutdown-grace" "shutdown.graceSeconds"
  "pull-dir" "scratch" "translation-cache-dir" "scratch" "root-model-dir" "models.path" -}}
{{- range $name, $_ := .Values.settings -}}
{{- if hasKey $owned $name -}}
{{- fail (printf "settings.%s: the chart sets it; change %s instead" $name (get $owned $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
