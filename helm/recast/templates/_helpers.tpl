{{- define "recast.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "recast.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "recast.labels" -}}
{{ include "recast.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "recast.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "recast.kind" -}}
{{- if and .Values.engine.enabled .Values.engine.persistence.enabled }}StatefulSet{{ else }}Deployment{{ end }}
{{- end }}

{{/* The Secret with the callers' keys, or nothing when the service is open. */}}
{{- define "recast.keysSecret" -}}
{{- if not .Values.keys.open }}{{ .Values.keys.existingSecret | default (printf "%s-keys" (include "recast.name" .)) }}{{ end }}
{{- end }}

{{/* The longest a request may take: its wait and its run, in whole seconds. */}}
{{- define "recast.requestSeconds" -}}
{{- add (ceil .Values.settings.queueSeconds | int) (ceil .Values.settings.runSeconds | int) }}
{{- end }}

{{/* settings.queueSeconds -> RECAST_QUEUE_SECONDS: one word in three cases. Integers are printed as such, never as 1.048576e+08. */}}
{{- define "recast.settings" -}}
{{- range $name, $value := .Values.settings }}
{{- if ne (toString $value) "" }}
{{- if and (kindIs "float64" $value) (eq (floor $value) (float64 $value)) }}{{ $value = int64 $value }}{{ end }}
- name: RECAST_{{ $name | snakecase | upper }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "recast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: {{ .Values.user }}
runAsGroup: {{ .Values.user }}
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "recast.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.user }}
runAsGroup: {{ .Values.user }}
fsGroup: {{ .Values.user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* What contradicts itself is refused here, with what to change. */}}
{{- define "recast.check" -}}
{{- if and .Values.autoscaling.enabled .Values.keda.enabled }}{{ fail "autoscaling and keda both scale the pods: enable one" }}{{ end }}
{{- if and .Values.autoscaling.enabled (not .Values.autoscaling.cpu) (not .Values.autoscaling.queued) }}{{ fail "autoscaling needs cpu or queued above 0" }}{{ end }}
{{- if and .Values.keda.enabled (not .Values.keda.prometheus) }}{{ fail "keda.prometheus: the address of the Prometheus is missing" }}{{ end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}{{ fail "httpRoute.parentRefs: name a gateway" }}{{ end }}
{{- if and (not .Values.engine.enabled) (not .Values.engine.url) }}{{ fail "engine.url: without an engine in the pod, the address of another is needed" }}{{ end }}
{{- if and .Values.engine.enabled .Values.engine.url }}{{ fail "engine.url is for engine.enabled=false: the pod has its own" }}{{ end }}
{{- if and .Values.engine.expose (not .Values.engine.enabled) }}{{ fail "engine.expose: there is no engine in the pod" }}{{ end }}
{{- if and .Values.model.url (not .Values.model.name) }}{{ fail "model.name: which model to ask for at model.url" }}{{ end }}
{{- if and .Values.keys.open (or .Values.keys.list .Values.keys.existingSecret) }}{{ fail "keys.open and keys contradict each other" }}{{ end }}
{{- if and .Values.keys.list .Values.keys.existingSecret }}{{ fail "keys.list and keys.existingSecret: one of them" }}{{ end }}
{{- end }}
