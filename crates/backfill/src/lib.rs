//! Everything around the pipeline that lets an operator walk away: manifests, journals, resume and
//! reports. The `sealpress` binary stands in `src/bin/sealpress`.

#![forbid(unsafe_code)]
