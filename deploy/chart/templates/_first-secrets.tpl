{{/* The Secrets that the chart leaves empty and a Job fills once: no template can make what is random, because each rendering would make another one. */}}
{{- define "causeway.firstSecrets" -}}
{{- if include "causeway.makesTls" . }}
- {{ include "causeway.tlsSecret" . }}
{{- end }}
{{- if include "causeway.makesToken" . }}
- {{ include "causeway.tokenSecret" . }}
{{- end }}
{{- if .Values.trial.enabled }}
- {{ include "causeway.trialSecret" . }}
{{- end }}
{{- end -}}

{{- define "causeway.apiHosts" -}}
{{- $service := printf "%s-api" (include "causeway.fullname" .) }}
- {{ $service }}
- {{ $service }}.{{ .Release.Namespace }}
- {{ $service }}.{{ .Release.Namespace }}.svc
- {{ $service }}.{{ .Release.Namespace }}.svc.cluster.local
{{- range .Values.tls.hosts }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The pod of that Job. Its containers run one after the other; what is kept already wins over what was made. */}}
{{- define "causeway.firstSecretsPod" -}}
{{- $api := include "causeway.image" (dict "root" . "image" .Values.api.image) -}}
{{- $cli := include "causeway.image" (dict "root" . "image" .Values.cli.image) -}}
restartPolicy: OnFailure
serviceAccountName: {{ include "causeway.fullname" . }}-first-secrets
automountServiceAccountToken: true
enableServiceLinks: false
{{- include "causeway.pullSecrets" . }}
securityContext: {{- include "causeway.podSecurity" . | nindent 2 }}
initContainers:
  - name: make
    image: {{ $api }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      - first-secrets
      - /made/secrets
      {{- range include "causeway.apiHosts" . | fromYamlArray }}
      - --host={{ . }}
      {{- end }}
    resources: &small
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 128Mi}
    securityContext: &locked {{- include "causeway.containerSecurity" . | nindent 6 }}
    volumeMounts: &made
      - {name: made, mountPath: /made}
  {{- $files := dict (include "causeway.tlsSecret" .) (list "tls.crt" "tls.key" "ca.crt") (include "causeway.trialSecret" .) (list "encryption-key" "database-password") (include "causeway.tokenSecret" .) (list "token") }}
  {{- range include "causeway.firstSecrets" . | fromYamlArray }}
  - name: keep-{{ trimPrefix (printf "%s-" (include "causeway.fullname" $)) . }}
    image: {{ $cli }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    args:
      - keep-secret
      - {{ . }}
      {{- range index $files . }}
      - /made/secrets/{{ . }}
      {{- end }}
    resources: *small
    securityContext: *locked
    volumeMounts: *made
  {{- end }}
containers:
  - name: token
    image: {{ $api }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    {{- if include "causeway.makesToken" . }}
    args: [token, create, --name=first, --role=admin, --expires={{ .Values.firstToken.expires }}, --from=/made/secrets/token]
    env: {{- include "causeway.databaseEnv" . | nindent 6 }}
    {{- else }}
    args: [--version]
    {{- end }}
    resources: *small
    securityContext: *locked
    volumeMounts: *made
volumes:
  - name: made
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end -}}
