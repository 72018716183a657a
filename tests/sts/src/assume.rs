//! STS: who assumes a role gets a key for an hour.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use chrono::{Duration, SecondsFormat, Utc};
use uuid::Uuid;

use crate::{
    Key, Memory, Shared, Trust,
    sigv4::{ALGORITHM, Canonical, Scope, pairs},
};

type Form = Vec<(String, String)>;

/// The header in which AWS numbers its answers.
const REQUEST_ID: &str = "x-amzn-requestid";

pub(crate) async fn answer(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut memory = shared.lock();
    match assume(&mut memory, &headers, &body) {
        Ok(xml) => xml.into_response(),
        Err(why) => {
            // Without what was asked: that could be no XML.
            let xml = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{why}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
                Uuid::new_v4()
            );
            (StatusCode::FORBIDDEN, [(REQUEST_ID, Uuid::new_v4().to_string())], xml).into_response()
        }
    }
}

fn assume(memory: &mut Memory, headers: &HeaderMap, body: &[u8]) -> Result<String, String> {
    let form = pairs(std::str::from_utf8(body).map_err(|_| "the body is no text")?)?;
    let get = |name: &str| form.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
    let role = get("RoleArn").ok_or("RoleArn is missing")?.to_owned();
    let trust = memory.roles.get(&role).cloned().ok_or("there is no such role")?;
    let action = get("Action").unwrap_or_default();
    match (action, trust) {
        ("AssumeRole", Trust::Principal { arn, external_id }) => {
            if principal(memory, headers, body)? != arn {
                return Err("the role doesn't trust who asks".into());
            }
            if get("ExternalId") != external_id.as_deref() {
                return Err("the role asks for another external id".into());
            }
        }
        ("AssumeRoleWithWebIdentity", Trust::WebIdentity(token)) if get("WebIdentityToken") == Some(&token) => {}
        _ => return Err("the role can't be assumed so".into()),
    }
    Ok(credentials(memory, action, &role, &form))
}

/// Who has signed a request.
fn principal(memory: &Memory, headers: &HeaderMap, body: &[u8]) -> Result<String, String> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned).ok_or(format!("{name} is missing"))
    };
    let authorization = header(AUTHORIZATION.as_str())?;
    let parts = authorization.strip_prefix(ALGORITHM).ok_or("it is signed otherwise")?;
    let part = |name: &str| {
        let found = parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or(format!("{name} is missing"))
    };
    let scope = Scope::parse(part("Credential")?)?;
    let names: Vec<_> = part("SignedHeaders")?.split(';').collect();
    if !["host", "x-amz-date"].iter().all(|name| names.contains(name)) {
        return Err("too little is signed".into());
    }
    let signed = names.iter().map(|name| Ok(((*name).to_owned(), header(name)?))).collect::<Result<_, String>>()?;
    let request = Canonical { method: "POST", path: "/", query: vec![], headers: signed, body };
    let key = memory.keys.get(&scope.key).ok_or("there is no such key")?;
    if part("Signature")? != request.signature(&key.secret, &scope, &header("x-amz-date")?) {
        return Err("the signature doesn't match".into());
    }
    Ok(key.arn.clone())
}

fn credentials(memory: &mut Memory, action: &str, role: &str, form: &Form) -> String {
    memory.given += 1;
    let (id, secret) = (format!("ASIA{:04}", memory.given), format!("given-{}", Uuid::new_v4().simple()));
    let (session, end) = (format!("session/{}+=", Uuid::new_v4()), Utc::now() + Duration::hours(1));
    let key = Key { secret: secret.clone(), arn: role.to_owned(), session: Some((session.clone(), end)) };
    memory.keys.insert(id.clone(), key);
    let name = form.iter().find(|(name, _)| name == "RoleSessionName").map_or("", |(_, value)| value.as_str());
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
           <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>{session}</SessionToken><Expiration>{}</Expiration></Credentials>\
           <AssumedRoleUser><AssumedRoleId>AROA:{name}</AssumedRoleId><Arn>{role}</Arn></AssumedRoleUser>\
         </{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
        end.to_rfc3339_opts(SecondsFormat::Secs, true),
        Uuid::new_v4()
    )
}
