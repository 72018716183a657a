//! What a client certificate says about its holder. The TLS layer has checked its signature and validity.

use causeway_records::nouns::Role;
use chrono::{DateTime, Utc};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// The subject of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The common name.
    pub(crate) name: String,
    /// The highest role that an organization or organizational unit names: `causeway:editor`. None: it names none, as those of Threeport.
    pub(crate) role: Option<Role>,
    /// When it ends. A connection may outlive it.
    pub(crate) ends: DateTime<Utc>,
}

const PREFIX: &str = "causeway:";

impl Subject {
    /// Reads a certificate. The error is a sentence that says what it lacks.
    pub(crate) fn read(der: &[u8]) -> Result<Self, &'static str> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| "the client certificate can't be read")?;
        let subject = certificate.subject();
        let name = subject.iter_common_name().find_map(|name| name.as_str().ok()).filter(|name| !name.is_empty());
        let groups = subject.iter_organization().chain(subject.iter_organizational_unit());
        let role = groups.filter_map(|group| group.as_str().ok()?.strip_prefix(PREFIX)?.parse().ok()).max();
        let ends = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0);
        Ok(Self {
            name: name.ok_or("the client certificate has no common name")?.to_owned(),
            role,
            ends: ends.ok_or("the client certificate has no end")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    fn read(entries: &[(DnType, &str)]) -> Result<Subject, &'static str> {
        let entries: Vec<_> = entries.iter().map(|(kind, text)| (kind.clone(), DnValue::from(*text))).collect();
        read_encoded(&entries)
    }

    /// The same with texts in any encoding.
    fn read_encoded(entries: &[(DnType, DnValue)]) -> Result<Subject, &'static str> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, text) in entries {
            params.distinguished_name.push(kind.clone(), text.clone());
        }
        Subject::read(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn organization_and_unit_name_the_role() {
        let (name, group, unit) = (DnType::CommonName, DnType::OrganizationName, DnType::OrganizationalUnitName);
        let role = |entries: &[_]| read(entries).unwrap().role;
        assert_eq!(role(&[(name.clone(), "ann"), (group.clone(), "causeway:editor")]), Some(Role::Editor));
        assert_eq!(role(&[(name.clone(), "ann"), (unit.clone(), "causeway:viewer")]), Some(Role::Viewer));
        let both = [(name.clone(), "ann"), (group.clone(), "causeway:admin"), (unit.clone(), "causeway:viewer")];
        assert_eq!(role(&both), Some(Role::Admin));
        assert_eq!(role(&[(name.clone(), "localhost"), (group.clone(), "Threeport")]), None);
        assert_eq!(role(&[(name, "ann"), (unit, "causeway:root")]), None);
        assert_eq!(read(&[(group, "causeway:admin")]), Err("the client certificate has no common name"));
    }

    /// Whoever signs certificates may look at the text alone.
    #[test]
    fn what_only_looks_like_a_role_is_none() {
        let (name, group) = (DnType::CommonName, DnType::OrganizationName);
        for text in [
            "c\u{430}useway:admin",
            "causeway\u{ff1a}admin",
            "causeway:\u{430}dmin",
            "causeway:admin\0",
            "causeway:\0admin",
            "causeway\0:admin",
            " causeway:admin",
            "causeway:admin ",
            "causeway: admin",
            "causeway:admin\n",
            "\u{feff}causeway:admin",
            "causeway:admin\u{200b}",
            "CAUSEWAY:ADMIN",
            "Causeway:admin",
            "causeway:Admin",
            "causeway:causeway:admin",
            "causeway:viewer,O=causeway:admin",
            "causeway:viewer/O=causeway:admin",
            "causeway:viewer+causeway:admin",
            "causeway:viewer;causeway:admin",
            "O=causeway:admin",
            "causeway:",
            "admin",
            "",
        ] {
            assert_eq!(read(&[(name.clone(), "eve"), (group.clone(), text)]).unwrap().role, None, "{text:?}");
        }
        // Where it isn't looked for.
        let title = DnType::CustomDnType(vec![2, 5, 4, 12]);
        for elsewhere in [title, DnType::LocalityName, DnType::StateOrProvinceName] {
            let both = [(name.clone(), "causeway:admin"), (elsewhere.clone(), "causeway:admin")];
            assert_eq!(read(&both).unwrap().role, None, "{elsewhere:?}");
        }
        // In encodings in which the same bytes may be other characters. The common ones count.
        let admin = "causeway:admin";
        for (encoded, role) in [
            (DnValue::TeletexString(admin.try_into().unwrap()), None),
            (DnValue::BmpString(admin.try_into().unwrap()), None),
            (DnValue::UniversalString(admin.try_into().unwrap()), None),
            (DnValue::PrintableString(admin.try_into().unwrap()), Some(Role::Admin)),
            (DnValue::Ia5String(admin.try_into().unwrap()), Some(Role::Admin)),
        ] {
            let entries = [(name.clone(), "eve".into()), (group.clone(), encoded.clone())];
            assert_eq!(read_encoded(&entries).unwrap().role, role, "{encoded:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Subject::read(b"nonsense").is_err());
    }
}
