{{- define "stanch.name" -}}
{{- if contains "stanch" .Release.Name }}{{ .Release.Name | trunc 55 | trimSuffix "-" }}{{ else }}{{ printf "%s-stanch" .Release.Name | trunc 55 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "stanch.selector" -}}
app.kubernetes.io/name: stanch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stanch.labels" -}}
{{ include "stanch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
