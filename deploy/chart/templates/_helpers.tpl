{{- define "causeway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "causeway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "causeway.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which the pods of a component are chosen: dict "root" . "component" "api" */}}
{{- define "causeway.selector" -}}
app.kubernetes.io/name: {{ include "causeway.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "causeway.labels" -}}
{{ include "causeway.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* dict "root" . "image" .Values.api.image */}}
{{- define "causeway.image" -}}
{{- $image := .root.Values.image -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ default .root.Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{/* What Pod Security calls restricted. */}}
{{- define "causeway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "causeway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "causeway.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where a pod may run: dict "root" . "component" "api" "values" .Values.api */}}
{{- define "causeway.placement" -}}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if .values.topologySpread }}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "causeway.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "causeway.tlsSecret" -}}
{{- default (printf "%s-tls" (include "causeway.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{/* Whether the Job makes the certificate. */}}
{{- define "causeway.makesTls" -}}
{{- if not (or .Values.tls.existingSecret .Values.tls.certManager.enabled) -}}true{{- end -}}
{{- end -}}

{{/* Whether the Job makes the first token: only where tokens count. */}}
{{- define "causeway.makesToken" -}}
{{- if and .Values.firstToken.enabled (has "tokens" .Values.auth.modes) -}}true{{- end -}}
{{- end -}}

{{- define "causeway.tokenSecret" -}}{{ include "causeway.fullname" . }}-first-token{{- end -}}
{{- define "causeway.trialSecret" -}}{{ include "causeway.fullname" . }}-trial{{- end -}}

{{- define "causeway.databaseEnv" -}}
{{- if .Values.trial.enabled }}
- name: DATABASE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "causeway.trialSecret" . }}, key: database-password}}
- name: DATABASE_URL
  value: postgres://causeway:$(DATABASE_PASSWORD)@{{ include "causeway.fullname" . }}-postgres:5432/causeway
{{- else }}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.database.existingSecret }}, key: {{ .Values.database.key }}}}
{{- end }}
- name: CAUSEWAY_DATABASE_CONNECTIONS
  value: {{ .Values.database.connections | quote }}
{{- end -}}

{{/* What API and workers both need. */}}
{{- define "causeway.commonEnv" -}}
{{ include "causeway.databaseEnv" . }}
- name: ENCRYPTION_KEY
{{- if .Values.trial.enabled }}
  valueFrom: {secretKeyRef: {name: {{ include "causeway.trialSecret" . }}, key: encryption-key}}
{{- else }}
  valueFrom: {secretKeyRef: {name: {{ .Values.encryptionKey.existingSecret }}, key: {{ .Values.encryptionKey.key }}}}
{{- end }}
- name: NATS_URL
{{- if .Values.trial.enabled }}
  value: nats://{{ include "causeway.fullname" . }}-nats:4222
{{- else if .Values.nats.existingSecret }}
  valueFrom: {secretKeyRef: {name: {{ .Values.nats.existingSecret }}, key: {{ .Values.nats.key }}}}
{{- else }}
  value: {{ .Values.nats.url | quote }}
{{- end }}
- name: CAUSEWAY_NATS_PREFIX
  value: {{ .Values.nats.prefix | quote }}
{{- if .Values.nats.credentials.existingSecret }}
- name: NATS_CREDS
  value: /etc/causeway/nats-credentials/nats.creds
{{- end }}
{{- if .Values.nats.ca.existingSecret }}
- name: NATS_CA
  value: /etc/causeway/nats-ca/ca.crt
{{- end }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.log }}
- name: RUST_LOG
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Files for NATS that API and workers both need. */}}
{{- define "causeway.natsMounts" -}}
{{- if .Values.nats.credentials.existingSecret }}
- {name: nats-credentials, mountPath: /etc/causeway/nats-credentials, readOnly: true}
{{- end }}
{{- if .Values.nats.ca.existingSecret }}
- {name: nats-ca, mountPath: /etc/causeway/nats-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "causeway.natsVolumes" -}}
{{- with .Values.nats.credentials }}
{{- if .existingSecret }}
- name: nats-credentials
  secret:
    secretName: {{ .existingSecret }}
    items:
      - {key: {{ .key | quote }}, path: nats.creds}
{{- end }}
{{- end }}
{{- with .Values.nats.ca }}
{{- if .existingSecret }}
- name: nats-ca
  secret:
    secretName: {{ .existingSecret }}
    items:
      - {key: {{ .key | quote }}, path: ca.crt}
{{- end }}
{{- end }}
{{- end -}}

{{/* Values that contradict each other, or that are missing. */}}
{{- define "causeway.check" -}}
{{- $v := .Values -}}
{{- if $v.trial.enabled -}}
{{- if or $v.database.existingSecret $v.encryptionKey.existingSecret $v.nats.url $v.nats.existingSecret $v.nats.credentials.existingSecret $v.nats.ca.existingSecret -}}
{{- fail "trial.enabled brings its own Postgres, NATS and key: leave out database.existingSecret, encryptionKey.existingSecret and nats, or turn trial.enabled off" -}}
{{- end -}}
{{- else -}}
{{- if not $v.database.existingSecret -}}
{{- fail "database.existingSecret is empty: make a Secret whose key `uri` holds the address of Postgres and name it here, or set trial.enabled for a first hour" -}}
{{- end -}}
{{- if not $v.encryptionKey.existingSecret -}}
{{- fail "encryptionKey.existingSecret is empty: make a Secret whose key `encryption-key` holds base64 of 32 random bytes (openssl rand -base64 32), keep a copy of it, and name the Secret here" -}}
{{- end -}}
{{- if not (or $v.nats.url $v.nats.existingSecret) -}}
{{- fail "nats.url and nats.existingSecret are empty: give the address of NATS, such as nats://nats.nats:4222" -}}
{{- end -}}
{{- if and $v.nats.url $v.nats.existingSecret -}}
{{- fail "nats.url and nats.existingSecret are both set: leave one out" -}}
{{- end -}}
{{- end -}}
{{- if and $v.tls.existingSecret $v.tls.certManager.enabled -}}
{{- fail "tls.existingSecret and tls.certManager.enabled are both set: leave one out" -}}
{{- end -}}
{{- if and $v.tls.certManager.enabled (not $v.tls.certManager.issuerRef.name) -}}
{{- fail "tls.certManager.issuerRef.name is empty: name the issuer of cert-manager that signs the certificate of the API" -}}
{{- end -}}
{{- if and (has "mtls" $v.auth.modes) (not $v.auth.clientCA.existingSecret) -}}
{{- fail "auth.modes names mtls, but auth.clientCA.existingSecret is empty: name a Secret whose key `ca.crt` holds the authorities of client certificates" -}}
{{- end -}}
{{- if and $v.auth.clientCA.existingSecret (not (has "mtls" $v.auth.modes)) -}}
{{- fail "auth.clientCA.existingSecret is set, but auth.modes doesn't name mtls: add it, or leave the authority out" -}}
{{- end -}}
{{- range $component := list "api" "workers" -}}
{{- $budget := (index $v $component).podDisruptionBudget -}}
{{- if not (or (kindIs "invalid" $budget.minAvailable) (kindIs "invalid" $budget.maxUnavailable)) -}}
{{- fail (printf "%s.podDisruptionBudget has both minAvailable and maxUnavailable: leave one out" $component) -}}
{{- end -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) -}}
{{- fail "ingress.enabled is set, but ingress.hosts is empty: name the hosts of the API" -}}
{{- end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled is set, but httpRoute.parentRefs is empty: name the gateway" -}}
{{- end -}}
{{- end -}}
