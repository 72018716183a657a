//! The files and variables that a container gets from the cluster.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{
        ConfigMap, Container, DownwardAPIVolumeFile, EnvVarSource, KeyToPath, Pod, Secret, ServiceAccount, Volume,
        VolumeProjection,
    },
};
use kube::{Api, Client, ResourceExt, api::PostParams};

/// A token is not renewed as the kubelet does, so it holds for longer than any rig runs.
const TOKEN_SECONDS: i64 = 7 * 24 * 3600;

/// Files by their path inside a volume.
type Files = BTreeMap<String, Vec<u8>>;

/// What one container of one pod reads from the cluster.
pub(super) struct Inputs<'a> {
    pub(super) client: &'a Client,
    pub(super) pod: &'a Pod,
    pub(super) container: &'a Container,
}

impl Inputs<'_> {
    /// Writes the container's volumes below `root`.
    ///
    /// # Errors
    /// When something that a volume needs isn't there yet: a kubelet waits for it too.
    pub(super) async fn write_volumes(&self, root: &Path) -> Result<()> {
        let volumes = self.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let volumes: BTreeMap<&str, &Volume> = volumes.map(|volume| (volume.name.as_str(), volume)).collect();
        for mount in self.container.volume_mounts.iter().flatten() {
            let volume = volumes.get(mount.name.as_str()).with_context(|| format!("no volume {}", mount.name))?;
            let target = below(root, &mount.mount_path)?;
            fs::create_dir_all(&target)?;
            for (path, content) in self.files(volume).await? {
                let file = below(&target, &path)?;
                fs::create_dir_all(file.parent().unwrap_or(&target))?;
                fs::write(file, content)?;
            }
        }
        Ok(())
    }

    /// What is in a volume. Kinds that need a real node stay empty.
    async fn files(&self, volume: &Volume) -> Result<Files> {
        if let Some(secret) = &volume.secret {
            let name = secret.secret_name.as_deref().unwrap_or_default();
            return select(self.secret(name, secret.optional).await?, secret.items.as_deref());
        }
        if let Some(map) = &volume.config_map {
            return select(self.config_map(&map.name, map.optional).await?, map.items.as_deref());
        }
        let mut files = Files::new();
        for source in volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()) {
            files.extend(self.projection(source).await?);
        }
        Ok(files)
    }

    async fn projection(&self, source: &VolumeProjection) -> Result<Files> {
        let mut files = Files::new();
        if let Some(token) = &source.service_account_token {
            files.insert(token.path.clone(), self.token(token.audience.as_deref()).await?.into_bytes());
        }
        if let Some(map) = &source.config_map {
            files.extend(select(self.config_map(&map.name, map.optional).await?, map.items.as_deref())?);
        }
        if let Some(secret) = &source.secret {
            files.extend(select(self.secret(&secret.name, secret.optional).await?, secret.items.as_deref())?);
        }
        for file in source.downward_api.iter().flat_map(|api| api.items.iter().flatten()) {
            files.insert(file.path.clone(), self.downward(file).into_bytes());
        }
        Ok(files)
    }

    fn downward(&self, file: &DownwardAPIVolumeFile) -> String {
        file.field_ref.as_ref().map(|field| self.field(&field.field_path)).unwrap_or_default()
    }

    async fn secret(&self, name: &str, optional: Option<bool>) -> Result<Files> {
        let secret = Api::<Secret>::namespaced(self.client.clone(), &self.namespace()).get_opt(name).await?;
        let files = secret.map(|secret| secret.data.into_iter().flatten().map(|(key, value)| (key, value.0)).collect());
        or_empty(files, optional).with_context(|| format!("there is no Secret {name} yet"))
    }

    async fn config_map(&self, name: &str, optional: Option<bool>) -> Result<Files> {
        let map = Api::<ConfigMap>::namespaced(self.client.clone(), &self.namespace()).get_opt(name).await?;
        let files = map.map(|map| {
            let text = map.data.into_iter().flatten().map(|(key, value)| (key, value.into_bytes()));
            let binary = map.binary_data.into_iter().flatten().map(|(key, value)| (key, value.0));
            text.chain(binary).collect()
        });
        or_empty(files, optional).with_context(|| format!("there is no ConfigMap {name} yet"))
    }

    /// A token of the pod's service account: the process may do what the pod may do, and nothing else.
    async fn token(&self, audience: Option<&str>) -> Result<String> {
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: audience.map(str::to_owned).into_iter().collect(),
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace());
        let account = match self.field("spec.serviceAccountName") {
            none if none.is_empty() => "default".to_owned(),
            account => account,
        };
        let answer: TokenRequest =
            accounts.create_subresource("token", &account, &PostParams::default(), &request).await?;
        answer.status.map(|status| status.token).ok_or_else(|| anyhow!("no token for the service account {account}"))
    }

    /// The container's variables, with references to earlier ones put in.
    ///
    /// # Errors
    /// As [`Inputs::write_volumes`].
    pub(super) async fn variables(&self) -> Result<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        for variable in self.container.env.iter().flatten() {
            let value = match (&variable.value, &variable.value_from) {
                (Some(value), _) => expand(value, &variables),
                (None, Some(source)) => match self.source(source).await? {
                    Some(value) => value,
                    None => continue,
                },
                (None, None) => String::new(),
            };
            variables.insert(variable.name.clone(), value);
        }
        Ok(variables)
    }

    /// `None` for something optional that isn't there.
    async fn source(&self, source: &EnvVarSource) -> Result<Option<String>> {
        let (files, key, optional) = if let Some(field) = &source.field_ref {
            return Ok(Some(self.field(&field.field_path)));
        } else if let Some(from) = &source.secret_key_ref {
            (self.secret(&from.name, from.optional).await?, &from.key, from.optional)
        } else if let Some(from) = &source.config_map_key_ref {
            (self.config_map(&from.name, from.optional).await?, &from.key, from.optional)
        } else {
            return Ok(None);
        };
        match files.get(key) {
            Some(value) => Ok(Some(String::from_utf8(value.clone())?)),
            None if optional == Some(true) => Ok(None),
            None => bail!("there is no key {key} for a variable of the container"),
        }
    }

    /// A field of the pod, as the downward API names it: `metadata.namespace`. Empty if the pod has none.
    fn field(&self, path: &str) -> String {
        let pod = serde_json::to_value(self.pod).unwrap_or_default();
        let value = pod.pointer(&format!("/{}", path.replace('.', "/"))).and_then(|value| value.as_str());
        value.unwrap_or_default().to_owned()
    }

    fn namespace(&self) -> String {
        self.pod.namespace().unwrap_or_default()
    }
}

/// What is optional may be missing.
fn or_empty(files: Option<Files>, optional: Option<bool>) -> Option<Files> {
    files.or_else(|| (optional == Some(true)).then(Files::new))
}

/// The chosen keys under their chosen paths; all of them when nothing is chosen.
fn select(files: Files, items: Option<&[KeyToPath]>) -> Result<Files> {
    let Some(items) = items else { return Ok(files) };
    let pick = |item: &KeyToPath| match files.get(&item.key) {
        Some(content) => Ok((item.path.clone(), content.clone())),
        None => bail!("there is no key {} for a volume yet", item.key),
    };
    items.iter().map(pick).collect()
}

/// Puts in `$(NAME)` of variables that are known, as Kubernetes does; `$$` stands for `$`.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        rest = match reference.and_then(|(name, tail)| Some((variables.get(name)?, tail))) {
            Some((value, tail)) => {
                expanded.push_str(value);
                tail
            }
            None => {
                expanded.push('$');
                after.strip_prefix('$').unwrap_or(after)
            }
        };
    }
    expanded + rest
}

/// A path below a folder, refusing to leave it.
fn below(root: &Path, path: &str) -> Result<PathBuf> {
    let path = Path::new(path.trim_start_matches('/'));
    if path.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        bail!("the path {} leaves its volume", path.display());
    }
    Ok(root.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_variables_are_put_in_and_others_are_left() {
        let variables = BTreeMap::from([("POD_NAMESPACE".to_owned(), "cert-manager".to_owned())]);
        assert_eq!(expand("webhook.$(POD_NAMESPACE).svc", &variables), "webhook.cert-manager.svc");
        assert_eq!(expand("$(UNKNOWN) $$(POD_NAMESPACE) $", &variables), "$(UNKNOWN) $(POD_NAMESPACE) $");
    }

    #[test]
    fn a_path_stays_in_its_volume() {
        assert!(below(Path::new("/root"), "/certs/tls.crt").is_ok());
        assert!(below(Path::new("/root"), "../etc").is_err());
    }
}
