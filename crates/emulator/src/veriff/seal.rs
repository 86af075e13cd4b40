//! The headers that authenticate an answer.

use crate::crypto;
use crate::options::SignatureHeaders;
use crate::shared::Shared;
use crate::wire::Answer;

/// Sets the headers that authenticate an answer, over the body as it is now.
pub(crate) fn seal(shared: &Shared, answer: &mut Answer) {
    let options = shared.options();
    for name in ["x-auth-client", "x-hmac-signature", "vrf-auth-client", "vrf-hmac-signature", "x-signature"] {
        answer.drop_header(name);
    }
    let sign = answer.status != 401 || options.sign_401;
    let hmac = crypto::hmac_hex(shared.secret(), &answer.body);
    let family = options.signature_headers;
    if matches!(family, SignatureHeaders::X | SignatureHeaders::Both | SignatureHeaders::Legacy) {
        answer.set("x-auth-client", shared.keys.api_key.clone());
    }
    if matches!(family, SignatureHeaders::Vrf | SignatureHeaders::Both) {
        answer.set("vrf-auth-client", shared.keys.api_key.clone());
    }
    if sign {
        match family {
            SignatureHeaders::X => answer.set("x-hmac-signature", hmac),
            SignatureHeaders::Vrf => answer.set("vrf-hmac-signature", hmac),
            SignatureHeaders::Both => {
                answer.set("x-hmac-signature", hmac.clone());
                answer.set("vrf-hmac-signature", hmac);
            }
            SignatureHeaders::Legacy => {
                answer.set("x-signature", crypto::hex(&crypto::legacy(shared.secret(), &answer.body)));
            }
            SignatureHeaders::None => {}
        }
    }
}
