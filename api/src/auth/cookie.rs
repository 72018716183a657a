//! The cookie in which a browser keeps an access token: it can't send one along with a page otherwise.

use axum::http::{HeaderMap, header};

/// The prefix has browsers refuse it unless it is for this host alone, and secure.
pub(crate) const NAME: &str = "__Host-causeway";

/// The token in a request's cookie.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, token)| token).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let sent =
            |text| token(&HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))])).map(str::to_owned);
        assert_eq!(sent("a=b; __Host-causeway=causeway_x; c=d").as_deref(), Some("causeway_x"));
        assert_eq!(sent("__Host-causeway="), None);
        assert_eq!(sent("causeway=x"), None);
    }
}
